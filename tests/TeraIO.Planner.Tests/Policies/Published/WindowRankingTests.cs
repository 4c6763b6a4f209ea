using FsCheck;
using FsCheck.Fluent;
using TeraIO.Planner.Policies.Published;

namespace TeraIO.Planner.Tests.PublishedPolicies;

[TestFixture]
public class WindowRankingTests
{
    /// <summary>Against a list of windows in which every op is looked at.</summary>
    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property The_best_window_is_the_one_with_the_most_critical_time_left() => Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
    {
        var random = new Random(seed);
        int ops = random.Next(1, 30);
        long[] durations = [.. Enumerable.Range(0, ops).Select(_ => (long)random.Next(1, 5))];
        var periods = new List<InactivePeriod>();
        for (int i = random.Next(1, 40); i > 0; i--)
        {
            int after = random.Next(ops);
            periods.Add(new InactivePeriod(0, 1, after, after + 2 + random.Next(Math.Max(1, ops - 1))));
        }

        var ranking = new WindowRanking(periods, ops);
        var windows = new Dictionary<int, (int First, int Last)>();
        long DurationOf((int First, int Last) window) => Enumerable.Range(window.First, window.Last - window.First + 1).Sum(op => durations[op % ops]);
        for (int step = 0; step < 100; step++)
        {
            int period = random.Next(periods.Count);
            if (random.Next(3) == 0)
            {
                int op = random.Next(ops);
                ranking.Lower(op, durations[op]);
                durations[op] = 0;
            }
            else if (random.Next(3) == 0 && windows.Remove(period))
            {
                ranking.Remove(period);
            }
            else
            {
                // Within the period, and not longer than the iteration.
                int first = random.Next(periods[period].After + 1, periods[period].Before);
                int last = Math.Min(random.Next(first, periods[period].Before), first + ops - 1);
                windows[period] = (first, last);
                ranking.Set(period, first, last, DurationOf((first, last)));
            }

            Assert.That(ranking.Count, Is.EqualTo(windows.Count));
            if (windows.Count == 0) continue;
            (int Period, long Duration) best = windows.Select(w => (w.Key, DurationOf(w.Value))).OrderByDescending(static w => w.Item2).ThenBy(static w => w.Key).First();
            Assert.That(ranking.Best, Is.EqualTo(best));
        }
    });
}
