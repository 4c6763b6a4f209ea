using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>Two traces of the same training side by side, such as a synthetic and a recorded one. Immutable.</summary>
public sealed record TraceComparison
{
    private TraceComparison(TraceStatistics first, TraceStatistics second, IReadOnlyList<TraceComparisonRow> rows)
    {
        First = first;
        Second = second;
        Rows = rows;
    }

    /// <summary>Statistics of the one.</summary>
    public TraceStatistics First { get; }

    /// <summary>Statistics of the other, which differences refer to.</summary>
    public TraceStatistics Second { get; }

    /// <summary>What was compared.</summary>
    public IReadOnlyList<TraceComparisonRow> Rows { get; }

    /// <summary>Compares ops, tensors, peak, working set and bytes by kind.</summary>
    public static TraceComparison Of(Trace first, Trace second)
    {
        TraceStatistics a = TraceStatistics.Of(first);
        TraceStatistics b = TraceStatistics.Of(second);
        var rows = new List<TraceComparisonRow>
        {
            new("ops", a.Ops, b.Ops),
            new("tensors", a.Tensors, b.Tensors),
            new("peak, bytes", a.PeakBytes, b.PeakBytes),
            new("largest working set, bytes", a.LargestWorkingSetBytes, b.LargestWorkingSetBytes),
            new("active share", a.ActiveShare, b.ActiveShare),
            new("small tensors, bytes", first.Header.BaselineBytes, second.Header.BaselineBytes),
            new("ideal, seconds", a.IdealSeconds, b.IdealSeconds),
        };
        foreach (TensorKind kind in Enum.GetValues<TensorKind>())
        {
            if (a.TensorsByKind[kind] + b.TensorsByKind[kind] == 0) continue;
            rows.Add(new($"{kind} tensors", a.TensorsByKind[kind], b.TensorsByKind[kind]));
            rows.Add(new($"{kind}, bytes in all", a.BytesByKind[kind], b.BytesByKind[kind]));
            rows.Add(new($"{kind}, bytes at the peak", a.PeakBytesByKind[kind], b.PeakBytesByKind[kind]));
        }

        return new TraceComparison(a, b, rows);
    }
}

/// <summary>One figure of two traces.</summary>
/// <param name="What">Its name and unit.</param>
/// <param name="First">Of the first trace.</param>
/// <param name="Second">Of the second trace.</param>
public readonly record struct TraceComparisonRow(string What, double First, double Second)
{
    /// <summary>First over second minus 1; 0 when both are 0, infinite when only the second is.</summary>
    public double Difference => First == Second ? 0 : (First / Second) - 1;
}
