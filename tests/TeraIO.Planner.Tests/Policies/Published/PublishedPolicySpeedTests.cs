using System.Diagnostics;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.PublishedPolicies;

/// <summary>Coarse limits that only an algorithm of the wrong order passes; the figures themselves are printed.</summary>
[TestFixture, NonParallelizable]
public class PublishedPolicySpeedTests
{
    [TestCase("on-demand-lru")]
    [TestCase("on-demand-belady")]
    [TestCase("zero-infinity")]
    [TestCase("ssdtrain")]
    [TestCase("g10")]
    [TestCase("teraio")]
    public void Twenty_thousand_ops_are_planned_in_seconds(string policy)
    {
        Core.Tracing.Trace trace = RandomTraces.Training(seed: 1, layers: 1000, opsPerLayer: 4, microBatches: 2);
        MachineModel machine = RandomTraces.Machine(seed: 1, trace) with { MemoryBudget = Math.Max(Footprint.SmallestBudget(trace), Footprint.Peak(trace) / 2) };
        long start = Stopwatch.GetTimestamp();
        PolicyResult result = Planner.Policies.Policies.Named(policy).Plan(trace, machine);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        TestContext.Out.WriteLine(
            $"{policy}: {trace.Ops.Length} ops, {trace.Tensors.Length} tensors: {result.Plan.Migrations.Count} migrations, "
            + $"{result.Simulation.UnplannedMigrations} more at run time, {result.Simulation.StepSeconds / result.Simulation.IdealSeconds:F3} x ideal; planned in {seconds:F2} s");
        Assert.That(seconds, Is.LessThan(60));
    }
}
