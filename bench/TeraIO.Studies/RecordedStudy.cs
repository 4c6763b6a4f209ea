using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Studies;

/// <summary>A trace that the sample recorded beside the synthetic one of the same training.</summary>
internal static class RecordedStudy
{
    /// <summary>The sample's default (<c>--loss-chunk</c>).</summary>
    private const int LossChunkTokens = 128;

    public static void Print(string file, string model, int batch, int microBatches)
    {
        Trace recorded = TraceFile.Read(file);
        ModelShape shape = ModelCatalog.Named(model);
        Trace synthetic = SyntheticTrace.Create(new SynthesisOptions
        {
            Model = shape,
            Device = DeviceCatalog.Named("cpu-2core"),
            Batch = batch,
            Sequence = shape.LearnedPositions,
            MicroBatches = microBatches,
            Attention = AttentionKernel.Materialised,
            LossChunkTokens = LossChunkTokens,
        });
        Markdown.Header(1, $"{model}, batch {batch}, micro batches {microBatches}", "synthetic", "recorded", "difference, %");
        foreach (TraceComparisonRow row in TraceComparison.Of(synthetic, recorded).Rows)
        {
            string format = row.First % 1 == 0 && row.Second % 1 == 0 ? "#,0" : "0.0000";
            Markdown.Row(row.What, Markdown.Number(row.First, format), Markdown.Number(row.Second, format), Markdown.Hundredths(100 * row.Difference));
        }

        foreach (double share in new[] { 0.6, 0.4, 0.3, 0.2 })
        {
            (double first, double second) = (Traffic(synthetic, share), Traffic(recorded, share));
            Markdown.Row($"bytes moved on demand at {share:P0} of the peak", Markdown.Number(first, "#,0"), Markdown.Number(second, "#,0"), Markdown.Hundredths(100 * ((first / second) - 1)));
        }
    }

    private static double Traffic(Trace trace, double share)
    {
        LeastTraffic traffic = LeastTraffic.Of(trace, (long)(share * TraceStatistics.Of(trace).PeakBytes));
        return traffic.BytesRead + traffic.BytesWritten;
    }
}
