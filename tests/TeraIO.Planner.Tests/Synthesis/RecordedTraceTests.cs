using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

/// <summary>
/// Synthetic traces of the sample's configs against figures of traces that the profiler recorded while the sample trained (2026-11-25, libtorch 2.10 on a CPU).
/// docs/synthesis.md has the commands.
/// </summary>
public sealed class RecordedTraceTests
{
    [TestCase("30m", 4, 1, 921, 613, 942_240_140L, 53_571_980L)]
    [TestCase("30m", 4, 2, 1502, 1056, 1_060_343_372L, 53_710_412L)]
    [TestCase("sample-gpt2-small", 2, 1, 1616, 1067, 2_342_312_396L, 79_193_548L)]
    public void Ops_tensors_peak_and_working_set_are_those_of_the_recorded_trace(
        string model, int batch, int microBatches, int ops, int tensors, long peakBytes, long workingSetBytes)
    {
        TraceStatistics statistics = TraceStatistics.Of(SyntheticTrace.Create(SynthesisCases.Sample(model, batch, microBatches)));
        Assert.Multiple(() =>
        {
            Assert.That(statistics.Ops, Is.EqualTo(ops));
            Assert.That(statistics.Tensors, Is.EqualTo(tensors));
            Assert.That(statistics.PeakBytes, Is.EqualTo((double)peakBytes).Within(0.01).Percent);
            Assert.That(statistics.LargestWorkingSetBytes, Is.EqualTo((double)workingSetBytes).Within(0.1).Percent);
        });
    }

    [TestCase("30m", 4, 117_964_800L, 117_964_800L, 235_929_600L, 543_162_368L, 1_404_567_552L)]
    [TestCase("sample-gpt2-small", 2, 494_914_560L, 494_914_560L, 989_829_120L, 673_875_968L, 3_264_263_168L)]
    public void Bytes_of_every_kind_are_exactly_those_of_the_recorded_trace(
        string model, int batch, long parameters, long gradients, long states, long activations, long temporaries)
    {
        IReadOnlyDictionary<TensorKind, long> bytes = TraceStatistics.Of(SyntheticTrace.Create(SynthesisCases.Sample(model, batch))).BytesByKind;
        Assert.Multiple(() =>
        {
            Assert.That(bytes[TensorKind.Parameter], Is.EqualTo(parameters));
            Assert.That(bytes[TensorKind.Gradient], Is.EqualTo(gradients));
            Assert.That(bytes[TensorKind.OptimizerState], Is.EqualTo(states));
            Assert.That(bytes[TensorKind.Activation], Is.EqualTo(activations));
            Assert.That(bytes[TensorKind.Temporary], Is.EqualTo(temporaries));
        });
    }
}
