using FsCheck.Fluent;
using TeraIO.Planner.Reports;

namespace TeraIO.Planner.Tests.Reports;

public sealed class LanePackingTests
{
    [Test]
    public void Intervals_that_touch_share_a_lane_and_those_that_overlap_do_not() =>
        Assert.That(LanePacking.Pack([(0, 2), (1, 3), (2, 4), (3, 5)]), Is.EqualTo(new[] { 0, 1, 0, 1 }));

    [Test]
    public void An_interval_out_of_order_is_refused() =>
        Assert.That(() => LanePacking.Pack([(2, 3), (1, 2)]), Throws.ArgumentException.With.Message.Contains("Interval 1"));

    [FsCheck.NUnit.Property]
    public FsCheck.Property Lanes_are_as_few_as_the_deepest_overlap_and_no_lane_holds_two_at_once() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), (int seed) =>
    {
        var random = new Random(seed);
        (double Start, double End)[] intervals =
            [.. Enumerable.Range(0, random.Next(1, 80)).Select(_ => (double)random.Next(40)).Order().Select(start => (start, start + 1 + random.Next(10)))];
        int[] lanes = LanePacking.Pack(intervals);

        for (int i = 0; i < intervals.Length; i++)
        {
            for (int j = i + 1; j < intervals.Length; j++)
            {
                bool overlap = intervals[i].Start < intervals[j].End && intervals[j].Start < intervals[i].End;
                if (overlap) Assert.That(lanes[i], Is.Not.EqualTo(lanes[j]), $"{i} and {j} overlap");
            }
        }

        int deepest = intervals.Max(at => intervals.Count(other => other.Start <= at.Start && at.Start < other.End));
        Assert.That(lanes.Max() + 1, Is.EqualTo(deepest));
    });
}
