using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

public sealed class SyntheticTraceTests
{
    [Test]
    public void Every_model_makes_a_valid_trace_on_every_device_with_every_option()
    {
        foreach (ModelShape published in ModelCatalog.All)
        {
            ModelShape model = published with { Layers = 2, EncoderLayers = Math.Min(2, published.EncoderLayers) };
            foreach (DeviceRoofline device in DeviceCatalog.All)
            {
                foreach (SynthesisOptions options in Variants(model, device))
                {
                    Trace trace = SyntheticTrace.Create(options); // the builder checks every rule of traces
                    Assert.That(trace.IdealSeconds, Is.GreaterThan(0), trace.Header.Name);
                    Assert.That(trace.Header.Tokens, Is.EqualTo(options.Batch * options.Sequence * options.MicroBatches));
                    Assert.That(trace.Ops[^1].Phase, Is.EqualTo(OpPhase.Update), trace.Header.Name);
                }
            }
        }
    }

    [Test]
    public void A_trace_is_the_same_every_time()
    {
        SynthesisOptions options = SynthesisCases.OneBlock with { MicroBatches = 2 };
        Trace one = SyntheticTrace.Create(options);
        Trace other = SyntheticTrace.Create(options);
        Assert.Multiple(() =>
        {
            Assert.That(other.Ops.ToArray(), Is.EqualTo(one.Ops.ToArray()));
            Assert.That(other.Tensors.ToArray(), Is.EqualTo(one.Tensors.ToArray()));
            Assert.That(other.Accesses.ToArray(), Is.EqualTo(one.Accesses.ToArray()));
            Assert.That(other.Header, Is.EqualTo(one.Header));
        });
    }

    [Test]
    public void Micro_batches_repeat_forward_and_backward_and_share_gradients_and_update()
    {
        TraceStatistics[] statistics = [.. Enumerable.Range(2, 3).Select(static m => TraceStatistics.Of(SyntheticTrace.Create(SynthesisCases.OneBlock with { MicroBatches = m })))];
        Assert.Multiple(() =>
        {
            Assert.That(statistics[2].Ops - statistics[1].Ops, Is.EqualTo(statistics[1].Ops - statistics[0].Ops));
            Assert.That(statistics[2].IdealSeconds - statistics[1].IdealSeconds, Is.EqualTo(statistics[1].IdealSeconds - statistics[0].IdealSeconds).Within(1e-6).Percent);
            Assert.That(statistics[2].PeakBytes, Is.EqualTo(statistics[1].PeakBytes));
            Assert.That(statistics[2].TensorsByKind[TensorKind.Gradient], Is.EqualTo(statistics[0].TensorsByKind[TensorKind.Gradient]));
            Assert.That(statistics[2].BytesByKind[TensorKind.Activation], Is.EqualTo(2 * statistics[0].BytesByKind[TensorKind.Activation]));
        });
    }

    [TestCase(TrainingPrecision.Fp32, OptimizerKind.AdamW, 4, 4, 8)]
    [TestCase(TrainingPrecision.Tf32, OptimizerKind.Sgd, 4, 4, 4)]
    [TestCase(TrainingPrecision.Bf16Mixed, OptimizerKind.AdamW, 2, 2, 12)]
    [TestCase(TrainingPrecision.Bf16Mixed, OptimizerKind.Sgd, 2, 2, 8)]
    public void Every_parameter_has_the_bytes_of_its_precision_and_optimizer(
        TrainingPrecision precision, OptimizerKind optimizer, int parameter, int gradient, int state)
    {
        SynthesisOptions options = SynthesisCases.OneBlock with { Precision = precision, Optimizer = optimizer };
        TraceStatistics statistics = TraceStatistics.Of(SyntheticTrace.Create(options));
        long parameters = options.Model.Parameters;
        Assert.Multiple(() =>
        {
            Assert.That(statistics.BytesByKind[TensorKind.Parameter], Is.EqualTo(parameter * parameters));
            Assert.That(statistics.BytesByKind[TensorKind.Gradient], Is.EqualTo(gradient * parameters));
            Assert.That(statistics.BytesByKind[TensorKind.OptimizerState], Is.EqualTo(state * parameters));
        });
    }

    [Test]
    public void Activations_of_a_block_are_what_its_backward_needs()
    {
        TraceStatistics one = TraceStatistics.Of(SyntheticTrace.Create(SynthesisCases.OneBlock));
        TraceStatistics two = TraceStatistics.Of(SyntheticTrace.Create(SynthesisCases.OneBlock with { Model = SynthesisCases.OneBlock.Model with { Layers = 2 } }));
        // Per token: input and output of both norms (4 widths), turned query, mixed values, key and value (2 x 32), gate, its SiLU, up and their product,
        // one statistic per norm, a log-sum per head.
        const long PerToken = (4 * 64) + (2 * 64) + (2 * 32) + (4 * 96) + 2 + 4;
        Assert.That(two.BytesByKind[TensorKind.Activation] - one.BytesByKind[TensorKind.Activation], Is.EqualTo(4 * 64 * PerToken));
    }

    [Test]
    public void Activation_checkpointing_keeps_one_input_per_block()
    {
        SynthesisOptions options = SynthesisCases.OneBlock with { ActivationCheckpointing = true };
        TraceStatistics two = TraceStatistics.Of(SyntheticTrace.Create(options with { Model = options.Model with { Layers = 2 } }));
        TraceStatistics five = TraceStatistics.Of(SyntheticTrace.Create(options with { Model = options.Model with { Layers = 5 } }));
        Assert.That(five.BytesByKind[TensorKind.Activation] - two.BytesByKind[TensorKind.Activation], Is.EqualTo(3 * 4 * 64 * 64));
    }

    [Test]
    public void A_tensor_parallel_rank_has_its_part_of_every_matrix()
    {
        SynthesisOptions options = SynthesisCases.OneBlock with { TensorParallel = 2 };
        ModelShape model = options.Model;
        long vectors = (2 * model.Layers * model.Width) + model.Width;
        TraceStatistics statistics = TraceStatistics.Of(SyntheticTrace.Create(options));
        Assert.That(statistics.BytesByKind[TensorKind.Parameter], Is.EqualTo(4 * (((model.Parameters - vectors) / 2) + vectors)));
    }

    [Test]
    public void Small_tensors_are_counted_and_not_named()
    {
        SynthesisOptions options = SynthesisCases.OneBlock with { SmallestTensorBytes = 8 << 10 };
        Trace trace = SyntheticTrace.Create(options);
        foreach (TraceTensor tensor in trace.Tensors) Assert.That(tensor.Bytes, Is.GreaterThanOrEqualTo(8 << 10), tensor.Name);
        Trace all = SyntheticTrace.Create(SynthesisCases.OneBlock);
        Assert.Multiple(() =>
        {
            Assert.That(trace.Header.BaselineBytes, Is.GreaterThan(0));
            Assert.That(trace.Ops.Length, Is.LessThan(all.Ops.Length));
            Assert.That(trace.IdealSeconds, Is.EqualTo(all.IdealSeconds).Within(1e-9).Percent);
        });
    }

    private static IEnumerable<SynthesisOptions> Variants(ModelShape model, DeviceRoofline device)
    {
        int sequence = model.LearnedPositions is > 0 and < 128 ? model.LearnedPositions : 128;
        var plain = new SynthesisOptions { Model = model, Device = device, Batch = 2, Sequence = sequence, SmallestTensorBytes = 4096 };
        yield return plain;
        yield return plain with { MicroBatches = 3, LossChunkTokens = 48, Attention = AttentionKernel.Materialised };
        yield return plain with { ActivationCheckpointing = true, MicroBatches = 2, Optimizer = OptimizerKind.Sgd, ClipsGradients = false };
        yield return plain with { Kernels = KernelSet.Eager, Attention = AttentionKernel.Materialised, Optimizer = OptimizerKind.Sgd };
        yield return plain with { Kernels = KernelSet.Eager, ActivationCheckpointing = true };
        if (device.HalfFlopsPerSecond > 0)
        {
            yield return plain with { Precision = TrainingPrecision.Bf16Mixed };
            yield return plain with { Precision = TrainingPrecision.Bf16Mixed, Kernels = KernelSet.Eager, LossChunkTokens = 100 };
        }

        if (device.Tf32FlopsPerSecond > 0) yield return plain with { Precision = TrainingPrecision.Tf32 };
        if (device.InterconnectBandwidth == 0 || model.VocabularyShardBytes > 0) yield break;
        if (model.Heads % 2 == 0) yield return plain with { TensorParallel = 2, Rank = 1 };
        if (model.EncoderLayers > 0) yield break;
        yield return plain with { PipelineParallel = 2, MicroBatches = 3 };
        yield return plain with { PipelineParallel = 2, MicroBatches = 1, Rank = 1, ActivationCheckpointing = true };
    }
}
