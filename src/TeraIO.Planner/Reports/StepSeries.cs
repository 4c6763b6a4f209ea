namespace TeraIO.Planner.Reports;

/// <summary>
/// Reduces a step function to few points that draw the same picture: per column of the chart the first, least, greatest and last value are
/// kept ("M4", Jugel et al., VLDB 2014), so that no peak is lost.
/// </summary>
public static class StepSeries
{
    /// <summary>Points kept per column at most.</summary>
    public const int PointsPerColumn = 4;

    /// <summary>The reduced series.</summary>
    /// <param name="points">By time, not empty.</param>
    /// <param name="end">Second at which the chart ends.</param>
    /// <param name="columns">Columns of the chart, at least 1; the result has at most four points for each.</param>
    public static IReadOnlyList<SeriesPoint> Reduce(IReadOnlyList<SeriesPoint> points, double end, int columns)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (points.Count <= columns * PointsPerColumn) return [.. points];
        var kept = new List<SeriesPoint>(columns * PointsPerColumn);
        double width = end > points[0].Seconds ? (end - points[0].Seconds) / columns : 1;
        int first = 0;
        while (first < points.Count)
        {
            int column = ColumnOf(points[first].Seconds, points[0].Seconds, width, columns);
            int next = first + 1;
            while (next < points.Count && ColumnOf(points[next].Seconds, points[0].Seconds, width, columns) == column) next++;
            KeepOfColumn(points, first, next, kept);
            first = next;
        }

        return kept;
    }

    private static int ColumnOf(double seconds, double start, double width, int columns) => Math.Clamp((int)((seconds - start) / width), 0, columns - 1);

    private static void KeepOfColumn(IReadOnlyList<SeriesPoint> points, int first, int next, List<SeriesPoint> kept)
    {
        int least = first;
        int greatest = first;
        for (int i = first + 1; i < next; i++)
        {
            if (points[i].Value < points[least].Value) least = i;
            if (points[i].Value > points[greatest].Value) greatest = i;
        }

        Span<int> indices = [first, least, greatest, next - 1];
        indices.Sort();
        int before = -1;
        foreach (int i in indices)
        {
            if (i != before) kept.Add(points[i]);
            before = i;
        }
    }
}
