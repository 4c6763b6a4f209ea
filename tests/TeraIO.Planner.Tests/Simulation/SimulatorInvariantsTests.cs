using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Simulation;

[TestFixture]
public class SimulatorInvariantsTests
{
    private const double Tolerance = 1e-9;

    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public Property Whatever_a_plan_says_ops_run_within_the_budget() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        SimulationResult result = Simulator.Run(trace, RandomPlans.Garbage(seed, trace, machine.MemoryBudget), machine);

        Assert.That(result.Feasible, Is.True, result.InfeasibleReason);
        Assert.That(result.PeakBytes, Is.LessThanOrEqualTo(machine.MemoryBudget));
        Assert.That(result.MemoryPerOp, Has.All.LessThanOrEqualTo(result.PeakBytes));
    });

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public Property Step_is_ideal_plus_stalls_plus_overhead_plus_recomputation() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        SimulationResult result = Simulator.Run(trace, RandomPlans.Garbage(seed, trace, machine.MemoryBudget), machine);

        double parts = result.IdealSeconds + result.StallSeconds + result.ComputeOverheadSeconds + result.RecomputeSeconds;
        Assert.That(result.StepSeconds, Is.EqualTo(parts).Within(Tolerance * parts));
        Assert.That(result.StallPerOp.Sum(), Is.EqualTo(result.StallSeconds).Within(Tolerance * parts));
        Assert.That(result.StepSeconds, Is.GreaterThanOrEqualTo(trace.IdealSeconds * (1 - Tolerance)));
        Assert.That(result.StallPerOp.Zip(result.StallCausePerOp).All(static p => p.First >= 0 && (p.First > 0) == (p.Second != StallCause.None)), Is.True);
    });

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public Property No_tier_moves_bytes_faster_than_it_can() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        SimulationResult result = Simulator.Run(trace, RandomPlans.Garbage(seed, trace, machine.MemoryBudget), machine);

        if (!result.IsSteady) return;
        CheckTier(machine.Storage, result.BytesRead, result.BytesWritten, result.StepSeconds);
        if (machine.Host is { } host) CheckTier(host, result.HostBytesRead, result.HostBytesWritten, result.StepSeconds);
        else Assert.That(result.HostBytesRead + result.HostBytesWritten, Is.Zero);
    });

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property The_same_plan_gives_the_same_result() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        MigrationPlan plan = RandomPlans.Garbage(seed, trace, machine.MemoryBudget);
        var options = new SimulationOptions { RecordTransfers = true, HostAheadOps = Math.Abs(seed % 5) };
        SimulationResult first = Simulator.Run(trace, plan, machine, options);
        SimulationResult second = Simulator.Run(new SimulationContext(trace), plan, machine, options);

        Assert.That(second.StepSeconds, Is.EqualTo(first.StepSeconds));
        Assert.That(second.OpStart, Is.EqualTo(first.OpStart));
        Assert.That(second.Transfers, Is.EqualTo(first.Transfers));
    });

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property Recorded_transfers_are_the_bytes_of_a_steady_iteration() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        MigrationPlan plan = RandomPlans.Garbage(seed, trace, machine.MemoryBudget);
        SimulationResult result = Simulator.Run(trace, plan, machine, new SimulationOptions { RecordTransfers = true });

        if (!result.IsSteady) return;
        Assert.That(result.Transfers.Where(static t => t is { Kind: MigrationKind.Prefetch, Tier: MemoryTier.Ssd }).Sum(static t => t.Bytes), Is.EqualTo(result.BytesRead));
        Assert.That(result.Transfers.Where(static t => t is { Kind: MigrationKind.Offload, Tier: MemoryTier.Ssd }).Sum(static t => t.Bytes), Is.EqualTo(result.BytesWritten));
        Assert.That(result.Transfers.All(static t => t.Issued <= t.Started && t.Started < t.Ended), Is.True);
    });

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property With_memory_for_everything_and_no_plan_nothing_moves() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        long peak = Footprint.Peak(trace);
        machine = machine with { MemoryBudget = Math.Max(1, peak) };
        MigrationPlan plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, "none");
        SimulationResult result = Simulator.Run(trace, plan, machine);

        Assert.That(result.StepSeconds, Is.EqualTo(trace.IdealSeconds).Within(Tolerance * trace.IdealSeconds));
        Assert.That(result.BytesRead + result.BytesWritten, Is.Zero);
        Assert.That(result.PeakBytes, Is.EqualTo(peak));
    });

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property The_smallest_budget_is_the_largest_working_set() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        long smallest = Footprint.SmallestBudget(trace);
        Assert.That(new SimulationContext(trace).SmallestBudget, Is.EqualTo(smallest));
        if (smallest < 2) return;

        SimulationResult result = Simulator.Run(trace, RandomPlans.Garbage(seed, trace, smallest - 1), machine with { MemoryBudget = smallest - 1 });
        Assert.That(result.Feasible, Is.False);
        Assert.That(result.InfeasibleReason, Does.Contain($"{smallest} bytes"));
    });

    private static (Trace Trace, MachineModel Machine) Case(int seed)
    {
        Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
        return (trace, RandomTraces.Machine(seed, trace));
    }

    private static void CheckTier(TierModel tier, long read, long written, double seconds)
    {
        double readSeconds = read / tier.ReadBandwidth;
        double writeSeconds = written / tier.WriteBandwidth;
        double least = Math.Max(Math.Max(readSeconds, writeSeconds), (readSeconds + writeSeconds) / (2 - tier.Interference));
        Assert.That(seconds, Is.GreaterThanOrEqualTo(least * (1 - Tolerance)));
    }
}
