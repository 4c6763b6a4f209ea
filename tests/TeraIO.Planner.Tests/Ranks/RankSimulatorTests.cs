using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Ranks;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Ranks;

[TestFixture]
public class RankSimulatorTests
{
    private const double Tolerance = 1e-9;

    private static readonly RankOptions _apart = new() { IsSynchronous = false };

    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property One_rank_is_exactly_the_simulation_without_ranks() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        MigrationPlan plan = RandomPlans.Garbage(seed, trace, machine.MemoryBudget);
        SimulationResult alone = Simulator.Run(trace, plan, machine);

        RankResult rank = RankSimulator.Run([new Rank(trace, plan)], machine, new RankOptions { IsSynchronous = seed % 3 != 0, Iterations = 1000 }).Single();

        Assert.That(rank.StepSeconds, Is.EqualTo(alone.StepSeconds));
        Assert.That(rank.Last.OpStart, Is.EqualTo(alone.OpStart));
        Assert.That(rank.Last.StallPerOp, Is.EqualTo(alone.StallPerOp));
        Assert.That((rank.Last.BytesRead, rank.Last.BytesWritten, rank.Last.PeakBytes, rank.Last.IsSteady),
            Is.EqualTo((alone.BytesRead, alone.BytesWritten, alone.PeakBytes, alone.IsSteady)));
    });

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public Property The_same_ranks_give_the_same_results() => Prop.ForAll(Seeds, seed =>
    {
        (IReadOnlyList<Rank> ranks, MachineModel machine) = Different(seed, count: 3);
        var options = new RankOptions { IsSynchronous = seed % 2 == 0 };

        IReadOnlyList<RankResult> first = RankSimulator.Run(ranks, machine, options);
        IReadOnlyList<RankResult> second = RankSimulator.Run(ranks, machine, options);

        Assert.That(second.Select(static r => r.StepSeconds), Is.EqualTo(first.Select(static r => r.StepSeconds)));
        Assert.That(second.SelectMany(static r => r.Last.OpEnd), Is.EqualTo(first.SelectMany(static r => r.Last.OpEnd)));
    });

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public Property Synchronous_ranks_have_one_step_and_never_more_than_the_path_gives() => Prop.ForAll(Seeds, seed =>
    {
        (IReadOnlyList<Rank> ranks, MachineModel machine) = Different(seed, count: 4);

        IReadOnlyList<RankResult> results = RankSimulator.Run(ranks, machine);

        double step = results[0].StepSeconds;
        Assert.That(results.Select(static r => r.StepSeconds), Has.All.EqualTo(step).Within(Tolerance * step));
        Assert.That(results.Select(static r => r.Last.PeakBytes), Has.All.LessThanOrEqualTo(machine.MemoryBudget));
        foreach (RankResult result in results) Assert.That(result.StepSeconds, Is.GreaterThanOrEqualTo(result.Last.IdealSeconds * (1 - Tolerance)));
        if (!results.All(static r => r.Last.IsSteady)) return;
        Assert.That(results[0].Last.StepSeconds, Is.GreaterThanOrEqualTo(results.Sum(static r => r.Last.BytesRead) / machine.Storage.ReadBandwidth * (1 - Tolerance)));
        Assert.That(results[0].Last.StepSeconds, Is.GreaterThanOrEqualTo(results.Sum(static r => r.Last.BytesWritten) / machine.Storage.WriteBandwidth * (1 - Tolerance)));
    });

    [TestCase(1, 5)]
    [TestCase(2, 7)]
    [TestCase(3, 9)]
    public void Equal_ranks_in_step_wait_as_long_as_one_with_its_share(int count, double step)
    {
        // W of 4 bytes is asked for at 3 and there 2 x count seconds later; the iteration would end at 4.
        (Trace trace, MigrationPlan plan, MachineModel machine) = LatePrefetch();

        IReadOnlyList<RankResult> results = RankSimulator.Run([.. Enumerable.Repeat(new Rank(trace, plan), count)], machine);

        Assert.That(results.Select(static r => r.StepSeconds), Has.All.EqualTo(step).Within(Tolerance));
        Assert.That(Simulator.Run(trace, plan, RankPlanner.Share(machine, count)).StepSeconds, Is.EqualTo(step).Within(Tolerance));
    }

    [Test]
    public void Ranks_that_read_at_different_times_do_not_disturb_each_other()
    {
        // Each reads for 2 of 5 seconds: from 3 to 5 the one, from 5.5 to 7.5 the other.
        (Trace trace, MigrationPlan plan, MachineModel machine) = LatePrefetch();

        IReadOnlyList<RankResult> results = RankSimulator.Run([new Rank(trace, plan), new Rank(trace, plan, Start: 2.5)], machine, _apart);

        Assert.That(results.Select(static r => r.StepSeconds), Has.All.EqualTo(5).Within(Tolerance));
    }

    [Test]
    public void Ranks_whose_reads_overlap_share_the_path_for_as_long_as_they_do()
    {
        // The second begins 1 later. Reads: 3 to 4 alone (2 bytes), then both at 1 byte per second: the first ends at 6, the second has 2 bytes left and ends at 7.
        (Trace trace, MigrationPlan plan, MachineModel machine) = LatePrefetch();
        var options = new RankOptions { IsSynchronous = false, Iterations = 2, WarmUp = 1 };

        IReadOnlyList<RankResult> results = RankSimulator.Run([new Rank(trace, plan), new Rank(trace, plan, Start: 1)], machine, options);

        // First iterations end at 4 and 5; the second ones begin when W is there and take 4 seconds: 10 and 11.
        Assert.That(results.Select(static r => r.StepSeconds), Is.EqualTo(new double[] { 6, 6 }).Within(Tolerance));
    }

    [Test]
    public void A_fast_rank_waits_for_a_slow_one_where_they_exchange_gradients()
    {
        Trace fast = new TinyTrace().Weight("W", 4).Op(1, "W:r").Trace;
        Trace slow = new TinyTrace().Weight("W", 4).Op(3, "W:r").Trace;
        MachineModel machine = Machine();
        Rank[] ranks = [.. new[] { fast, slow }.Select(t => new Rank(t, MigrationPlan.OnDemand(t, 4, EvictionOrder.LeastRecentlyUsed, "none")))];

        Assert.That(RankSimulator.Run(ranks, machine).Select(static r => r.StepSeconds), Is.EqualTo(new double[] { 3, 3 }).Within(Tolerance));
        Assert.That(RankSimulator.Run(ranks, machine, _apart).Select(static r => r.StepSeconds), Is.EqualTo(new double[] { 1, 3 }).Within(Tolerance));
    }

    [Test]
    public void A_rank_that_does_not_fit_is_told_so_and_the_others_run_without_it()
    {
        (Trace trace, MigrationPlan plan, MachineModel machine) = LatePrefetch();
        Trace large = new TinyTrace().Weight("W", 400).Op(1, "W:r").Trace;

        IReadOnlyList<RankResult> results = RankSimulator.Run(
            [new Rank(large, MigrationPlan.OnDemand(large, 4, EvictionOrder.LeastRecentlyUsed, "none")), new Rank(trace, plan)], machine);

        Assert.That((results[0].Last.Feasible, results[0].ShareOfIdeal, results[1].StepSeconds), Is.EqualTo((false, 0.0, 5.0)));
        Assert.That(results[0].Last.InfeasibleReason, Does.Contain("400"));
    }

    [Test]
    public void What_makes_no_sense_is_refused()
    {
        (Trace trace, MigrationPlan plan, MachineModel machine) = LatePrefetch();
        var rank = new Rank(trace, plan);

        Assert.That(() => RankSimulator.Run([], machine), Throws.TypeOf<ConfigurationException>().With.Message.Contains("no rank"));
        Assert.That(() => RankSimulator.Run([rank with { Start = 1 }], machine), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Rank.Start"));
        Assert.That(() => RankSimulator.Run([rank], machine, new RankOptions { Iterations = 1 }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Iterations"));
        Assert.That(() => RankSimulator.Run([rank], machine, new RankOptions { WarmUp = 10 }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("WarmUp"));
    }

    private static MachineModel Machine() => new() { MemoryBudget = 4, Storage = new TierModel { ReadBandwidth = 2, WriteBandwidth = 1 } };

    private static (Trace Trace, MigrationPlan Plan, MachineModel Machine) LatePrefetch()
    {
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Activation("A", 4).Op(1, "W:r").Op(1, "A:cf").Op(1).Op(1).Offload("W", after: 0).Prefetch("W", before: 3);
        return (tiny.Trace, tiny.ToPlan(), Machine());
    }

    private static (Trace Trace, MachineModel Machine) Case(int seed)
    {
        Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
        return (trace, RandomTraces.Machine(seed, trace));
    }

    /// <summary>Different traces with the largest of their budgets and one path.</summary>
    private static (IReadOnlyList<Rank> Ranks, MachineModel Machine) Different(int seed, int count)
    {
        Trace[] traces = [.. Enumerable.Range(0, count).Select(i => RandomTraces.Training(unchecked(seed + 2 * i), layers: 1 + i, opsPerLayer: 2, microBatches: 1))];
        MachineModel machine = RandomTraces.Machine(seed, traces[^1]);
        machine = machine with { MemoryBudget = traces.Max(t => RandomTraces.Machine(seed, t).MemoryBudget) };
        return ([.. traces.Select(t => new Rank(t, RandomPlans.Garbage(seed, t, machine.MemoryBudget)))], machine);
    }
}
