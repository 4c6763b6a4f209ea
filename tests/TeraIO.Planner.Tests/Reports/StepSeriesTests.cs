using FsCheck.Fluent;
using TeraIO.Planner.Reports;

namespace TeraIO.Planner.Tests.Reports;

public sealed class StepSeriesTests
{
    [Test]
    public void A_series_with_few_points_is_kept_as_it_is()
    {
        SeriesPoint[] points = [new(0, 1), new(1, 5), new(2, 3)];
        Assert.That(StepSeries.Reduce(points, 3, 1), Is.EqualTo(points));
    }

    [FsCheck.NUnit.Property(MaxTest = 60)]
    public FsCheck.Property The_reduced_series_has_few_points_in_order_and_keeps_the_extremes_of_every_column() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), ArbMap.Default.ArbFor<byte>(), (int seed, byte columns) =>
    {
        int count = columns + 1;
        var random = new Random(seed);
        var points = new SeriesPoint[random.Next(1, 1500)];
        double time = 0;
        for (int i = 0; i < points.Length; i++)
        {
            points[i] = new SeriesPoint(time, random.Next(1000));
            if (random.Next(3) > 0) time += random.NextDouble();
        }

        double end = time + 1;
        IReadOnlyList<SeriesPoint> reduced = StepSeries.Reduce(points, end, count);

        Assert.That(reduced, Has.Count.LessThanOrEqualTo(count * StepSeries.PointsPerColumn));
        Assert.That(reduced.Select(static p => p.Seconds), Is.Ordered);
        Assert.That(reduced.All(points.ToHashSet().Contains), Is.True, "no point is made up");
        Assert.That(reduced[0], Is.EqualTo(points[0]));
        Assert.That(reduced[^1], Is.EqualTo(points[^1]));
        foreach (IGrouping<int, SeriesPoint> column in points.GroupBy(p => Column(p, end, count)))
        {
            SeriesPoint[] kept = [.. reduced.Where(p => Column(p, end, count) == column.Key)];
            Assert.That(kept.Max(static p => p.Value), Is.EqualTo(column.Max(static p => p.Value)));
            Assert.That(kept.Min(static p => p.Value), Is.EqualTo(column.Min(static p => p.Value)));
        }
    });

    private static int Column(SeriesPoint point, double end, int columns) => Math.Min(columns - 1, (int)(point.Seconds / (end / columns)));
}
