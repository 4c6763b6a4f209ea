using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Studies;

/// <summary>
/// How fast the store of a CPU run may be so that its I/O takes as many times its compute as on an A100 with four NVMe drives: the least traffic of the reference at a
/// share of its peak, over 16 GB/s, over its compute seconds; the sample's store then gets its own traffic over (that ratio x its own seconds).
/// </summary>
internal static class EmulationStudy
{
    private const double ReferenceBandwidth = 16e9;

    private static readonly double[] _shares = [0.6, 0.5, 0.4, 0.3, 0.2];

    /// <summary>Unlimited steps of the sample as measured (docs/benchmarks/on-demand-*.md), to be replaced by the run's own.</summary>
    private static readonly (string Model, int Batch, double StepSeconds)[] _samples = [("30m", 4, 1.20), ("sample-gpt2-small", 2, 2.76)];

    private static IEnumerable<(string Name, SynthesisOptions Options)> References()
    {
        DeviceRoofline small = DeviceCatalog.Named("a100-40g");
        DeviceRoofline large = DeviceCatalog.Named("a100-80g");
        foreach (TrainingPrecision precision in new[] { TrainingPrecision.Fp32, TrainingPrecision.Tf32, TrainingPrecision.Bf16Mixed })
        {
            yield return ($"gpt2-xl, batch 8 x 1024, a100-40g, {precision}", Base("gpt2-xl", small, 8, 1024) with { Precision = precision });
            yield return ($"gpt2-xl, batch 32 x 1024, a100-80g, {precision}", Base("gpt2-xl", large, 32, 1024) with { Precision = precision });
            yield return ($"llama3-8b, batch 8 x 2048, 2 x a100-80g, {precision}", Base("llama3-8b", large, 8, 2048) with { Precision = precision, TensorParallel = 2 });
            yield return ($"llama3-8b, batch 8 x 2048 x 4, 2 x a100-80g, {precision}", Base("llama3-8b", large, 8, 2048) with { Precision = precision, TensorParallel = 2, MicroBatches = 4 });
        }
    }

    public static void Print()
    {
        Console.WriteLine("I/O seconds over compute seconds at a budget of so many % of the peak: bytes of the longer direction (farthest next use first, clean copies dropped) over 16 GB/s.");
        Console.WriteLine();
        Markdown.Header(1, ["reference", "peak, GB", "compute, s", .. _shares.Select(s => $"ratio at {100 * s:0} %")]);
        var ratios = new Dictionary<string, double[]>();
        foreach ((string name, SynthesisOptions options) in References())
        {
            Trace trace = SyntheticTrace.Create(options);
            double[] ratio = Ratios(trace);
            ratios.Add(name, ratio);
            Markdown.Row([
                name, Markdown.Gigabytes(TraceStatistics.Of(trace).PeakBytes), Markdown.Hundredths(trace.IdealSeconds),
                .. ratio.Select(r => Markdown.Hundredths(r))]);
        }

        Console.WriteLine();
        Console.WriteLine("The rate of a sample's store, MB/s per direction, with which its run has the same ratio at the same share of its own peak:");
        Console.WriteLine();
        Markdown.Header(1, ["reference", "sample, unlimited step", .. _shares.Select(s => $"at {100 * s:0} %")]);
        foreach ((string model, int batch, double seconds) in _samples)
        {
            Trace sample = SyntheticTrace.Create(Sample(model, batch));
            long peak = TraceStatistics.Of(sample).PeakBytes;
            foreach ((string name, double[] ratio) in ratios)
            {
                Markdown.Row([
                    name, $"{model}, {Markdown.Hundredths(seconds)} s",
                    .. _shares.Select((share, i) => Markdown.Megabytes(LeastTraffic.Of(sample, (long)(share * peak)).Longer / (ratio[i] * seconds)))]);
            }
        }
    }

    private static double[] Ratios(Trace trace)
    {
        long peak = TraceStatistics.Of(trace).PeakBytes;
        return [.. _shares.Select(share => LeastTraffic.Of(trace, (long)(share * peak)).Longer / ReferenceBandwidth / trace.IdealSeconds)];
    }

    private static SynthesisOptions Base(string model, DeviceRoofline device, int batch, int sequence) => new()
    {
        Model = ModelCatalog.Named(model),
        Device = device,
        Batch = batch,
        Sequence = sequence,
        SmallestTensorBytes = 1 << 20,
    };

    private static SynthesisOptions Sample(string model, int batch) => new()
    {
        Model = ModelCatalog.Named(model),
        Device = DeviceCatalog.Named("cpu-2core"),
        Batch = batch,
        Sequence = 256,
        Attention = AttentionKernel.Materialised,
        LossChunkTokens = 128,
    };
}
