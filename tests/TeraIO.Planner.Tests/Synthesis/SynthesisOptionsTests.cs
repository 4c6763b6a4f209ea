using TeraIO.Core;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

public sealed class SynthesisOptionsTests
{
    private static readonly SynthesisOptions _good = SynthesisCases.OneBlock;
    private static readonly DeviceRoofline _cpu = DeviceCatalog.Named("cpu-2core");

    private static IEnumerable<TestCaseData> Bad()
    {
        yield return Case(_good with { Batch = 0 }, "Batch");
        yield return Case(_good with { Sequence = -1 }, "Sequence");
        yield return Case(_good with { MicroBatches = 0 }, "MicroBatches");
        yield return Case(_good with { MicroBatches = 500_000, Model = _good.Model with { Layers = 2 } }, "micro batches");
        yield return Case(_good with { LossChunkTokens = -1 }, "LossChunkTokens");
        yield return Case(_good with { SmallestTensorBytes = -1 }, "SmallestTensorBytes");
        yield return Case(_good with { SmallestTensorBytes = long.MaxValue }, "SmallestTensorBytes");
        yield return Case(_good with { TensorParallel = 0 }, "TensorParallel");
        yield return Case(_good with { TensorParallel = 3 }, "TensorParallel");
        yield return Case(_good with { TensorParallel = 4 }, "key and value heads");
        yield return Case(_good with { PipelineParallel = 2 }, "PipelineParallel");
        yield return Case(_good with { Rank = 1 }, "Rank");
        yield return Case(_good with { Precision = (TrainingPrecision)9 }, "Precision");
        yield return Case(_good with { Optimizer = (OptimizerKind)9 }, "Optimizer");
        yield return Case(_good with { Attention = (AttentionKernel)9 }, "Attention");
        yield return Case(_good with { Kernels = (KernelSet)9 }, "Kernels");
        yield return Case(_good with { Device = _cpu, Precision = TrainingPrecision.Bf16Mixed }, "Bf16Mixed");
        yield return Case(_good with { Device = _cpu, TensorParallel = 2 }, "interconnect");
        yield return Case(_good with { Device = _cpu with { MemoryBandwidth = double.NaN } }, "MemoryBandwidth");
        yield return Case(_good with { Device = _cpu with { ComputeEfficiency = 1.1 } }, "ComputeEfficiency");
        yield return Case(_good with { Device = _cpu with { KernelOverheadSeconds = -1 } }, "KernelOverheadSeconds");
        yield return Case(_good with { Model = ModelCatalog.Named("gpt2-small"), Sequence = 2048 }, "learned positions");
        yield return Case(_good with { Model = ModelCatalog.Named("30m"), TensorParallel = 2, Sequence = 64 }, "VocabularyShardBytes");
        yield return Case(_good with { Model = ModelCatalog.Named("t5-11b"), PipelineParallel = 2 }, "encoder");
        yield return Case(_good with { Model = _good.Model with { Layers = 0 } }, "Layers");
        yield return Case(_good with { Model = _good.Model with { HeadWidth = 0, Heads = 5, KeyValueHeads = 0 } }, "Heads");
        yield return Case(_good with { Model = _good.Model with { KeyValueHeads = 3 } }, "KeyValueHeads");
        yield return Case(_good with { Model = _good.Model with { Dropout = 1 } }, "Dropout");
        yield return Case(_good with { Model = _good.Model with { Experts = 2, ActiveExperts = 3 } }, "ActiveExperts");
        yield return Case(_good with { Model = _good.Model with { ActiveExperts = 1 } }, "Experts");
        yield return Case(_good with { Model = _good.Model with { HasFusedQueryKeyValue = true } }, "KeyValueHeads");
        yield return Case(_good with { Batch = 1 << 20, Sequence = 1 << 24, Model = _good.Model with { Width = 1 << 20 } }, "beyond any machine");

        static TestCaseData Case(SynthesisOptions options, string named) => new TestCaseData(options, named).SetArgDisplayNames(named);
    }

    [TestCaseSource(nameof(Bad))]
    public void What_cannot_be_is_refused_with_the_name_of_the_option(SynthesisOptions options, string named)
    {
        var error = Assert.Throws<ConfigurationException>(() => SyntheticTrace.Create(options));
        Assert.That(error.Message, Does.Contain(named));
    }

    [Test]
    public void No_options_are_refused() => Assert.Throws<ArgumentNullException>(static () => SyntheticTrace.Create(null!));
}
