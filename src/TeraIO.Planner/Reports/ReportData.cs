using System.Text.Json;
using System.Text.Json.Serialization;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Reports;

/// <summary>What the page's script draws, as JSON with short names. Numbers are rounded to what a chart can show.</summary>
internal static partial class ReportData
{
    private const int SignificantDigits = 7;

    public static string ToJson(IterationReport report) => JsonSerializer.Serialize(Page(report), ReportDataContext.Default.PageData);

    private static PageData Page(IterationReport report) => new(
        Round(report.Simulation.StepSeconds),
        report.Machine.MemoryBudget,
        new MemoryData(Series(report.MemoryWithPlan), Series(report.MemoryWithoutPlan)),
        [.. report.Phases.Select(static p => new object[] { ClassOf(p.Phase), Round(p.Start), Round(p.End) })],
        [.. report.Lifetimes.Select(Row)],
        [.. report.Paths.Select(static p => new PathData(p.Name, ClassOf(p), p.Bandwidth, Round(p.BucketSeconds), [.. p.BytesPerSecond.Select(Round)]))],
        Stalls(report.StallsOverTime));

    public static string ClassOf(StallCause cause) => cause switch
    {
        StallCause.LatePrefetch => "late",
        StallCause.OnDemandRead => "demand",
        _ => "room",
    };

    public static string ClassOf(PathUtilisation path) =>
        (path.Tier == MemoryTier.Ssd ? "" : "host") + (path.Kind == MigrationKind.Prefetch ? "read" : "write");

    public static string ClassOf(TensorKind kind) => kind switch
    {
        TensorKind.Parameter => "parameter",
        TensorKind.Gradient => "gradient",
        TensorKind.OptimizerState => "optimizerstate",
        TensorKind.Activation => "activation",
        TensorKind.Temporary => "temporary",
        TensorKind.Input => "input",
        _ => "unknown",
    };

    private static string ClassOf(OpPhase phase) => phase switch
    {
        OpPhase.Forward => "forward",
        OpPhase.Backward => "backward",
        _ => "update",
    };

    private static RowData Row(TensorRow row) => new(
        row.Name,
        row.Bytes,
        ClassOf(row.Kind),
        Figures.Kind(row.Kind),
        [.. row.Alive.Select(static s => new[] { Round(s.Start), Round(s.End) })],
        [.. row.Moves.Select(static s => new object[] { Round(s.Start), Round(s.End), StateOf(s.State) })],
        [.. row.Uses.Select(Round)]);

    private static string StateOf(TensorState state) => state switch
    {
        TensorState.Leaving => "leaving",
        TensorState.Returning => "returning",
        TensorState.Away => "away",
        _ => "in memory",
    };

    private static StallData Stalls(StallSeries series)
    {
        int buckets = series.SharePerCause.Count == 0 ? 1 : series.SharePerCause.Values.First().Length;
        return new StallData(
            Round(series.BucketSeconds),
            buckets,
            [.. series.SharePerCause.Select(static p => new CauseData(Figures.Cause(p.Key), ClassOf(p.Key), [.. p.Value.Select(Round)]))]);
    }

    private static SeriesData Series(IReadOnlyList<SeriesPoint> points) =>
        new([.. points.Select(static p => Round(p.Seconds))], [.. points.Select(static p => p.Value)]);

    private static double Round(double value)
    {
        if (value == 0 || !double.IsFinite(value)) return 0;
        double scale = Math.Pow(10, SignificantDigits - 1 - Math.Floor(Math.Log10(Math.Abs(value))));
        return double.IsFinite(scale) ? Math.Round(value * scale) / scale : value;
    }

    internal sealed record PageData(
        double Step, long Budget, MemoryData Memory, object[][] Phases, RowData[] Lifetimes, PathData[] Paths, StallData Stalls);

    internal sealed record MemoryData(SeriesData With, SeriesData Without);

    internal sealed record SeriesData(double[] T, double[] V);

    internal sealed record RowData(string Name, long Bytes, string Kind, string What, double[][] Alive, object[][] Moves, double[] Uses);

    internal sealed record PathData(string Name, string Colour, double Bandwidth, double Bucket, double[] Rates);

    internal sealed record StallData(double Bucket, int Buckets, CauseData[] Causes);

    internal sealed record CauseData(string Name, string Colour, double[] Shares);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(PageData))]
    [JsonSerializable(typeof(string))]
    [JsonSerializable(typeof(double))]
    private sealed partial class ReportDataContext : JsonSerializerContext;
}
