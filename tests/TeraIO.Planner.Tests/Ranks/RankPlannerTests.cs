using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Ranks;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Ranks;

[TestFixture]
public class RankPlannerTests
{
    private static readonly PlannerOptions _quick = new() { EffortMegaOps = 0.01 };

    private static readonly Trace _trace = RandomTraces.Training(7, layers: 4, opsPerLayer: 2, microBatches: 1);

    private static MachineModel Machine => RandomTraces.Machine(7, _trace) with { Host = null };

    [TestCase(1)]
    [TestCase(4)]
    public void A_share_divides_the_path_and_leaves_memory_alone(int ranks)
    {
        MachineModel share = RankPlanner.Share(Machine, ranks);

        Assert.That(share.Storage.ReadBandwidth, Is.EqualTo(Machine.Storage.ReadBandwidth / ranks));
        Assert.That(share.Storage.WriteBandwidth, Is.EqualTo(Machine.Storage.WriteBandwidth / ranks));
        Assert.That(share with { Storage = Machine.Storage }, Is.EqualTo(Machine));
    }

    [TestCase(RankStrategy.NoControl)]
    [TestCase(RankStrategy.EqualShares)]
    public void Equal_ranks_get_the_same_plan_and_the_same_step(RankStrategy strategy)
    {
        IReadOnlyList<Rank> ranks = RankPlanner.Plan([_trace, _trace, _trace], Machine, strategy, _quick);

        Assert.That(ranks.Select(static r => r.Plan).Distinct().Count(), Is.EqualTo(1));
        double[] steps = [.. RankSimulator.Run(ranks, Machine).Select(static r => r.StepSeconds)];
        Assert.That(steps, Has.All.EqualTo(steps[0]));
    }

    [Test]
    public void Staggered_ranks_begin_in_equal_parts_of_a_step()
    {
        IReadOnlyList<Rank> ranks = RankPlanner.Plan([_trace, _trace, _trace, _trace], Machine, RankStrategy.Staggered, _quick);

        double part = ranks[1].Start;
        Assert.That(part, Is.Positive);
        Assert.That(ranks.Select(static r => r.Start), Is.EqualTo(new[] { 0, part, 2 * part, 3 * part }).Within(1e-9));
    }

    [Test]
    public void Offset_ranks_ask_at_different_ops()
    {
        IReadOnlyList<Rank> ranks = RankPlanner.Plan([_trace, _trace], Machine, RankStrategy.OffsetIssue, _quick);

        Assert.That(ranks[1].Plan.Migrations, Is.Not.EqualTo(ranks[0].Plan.Migrations));
        Assert.That(ranks.Select(static r => r.Start), Has.All.Zero);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void The_best_is_no_slower_than_any_strategy(bool isSynchronous)
    {
        var options = new RankOptions { IsSynchronous = isSynchronous };
        Trace[] traces = [_trace, _trace, _trace];

        RankPlan best = RankPlanner.Best(traces, Machine, options, _quick);

        foreach (RankStrategy strategy in Enum.GetValues<RankStrategy>())
        {
            if (isSynchronous && strategy == RankStrategy.Staggered) continue;
            IReadOnlyList<RankResult> results = RankSimulator.Run(RankPlanner.Plan(traces, Machine, strategy, _quick), Machine, options);
            Assert.That(best.SlowestShareOfIdeal, Is.GreaterThanOrEqualTo(results.Min(static r => r.ShareOfIdeal) * (1 - 1e-9)));
        }

        Assert.That(isSynchronous && best.Strategy == RankStrategy.Staggered, Is.False);
    }
}
