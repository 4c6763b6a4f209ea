using System.Diagnostics;
using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Simulation;

/// <summary>Coarse limits that only an algorithm of the wrong order passes; the figures themselves are printed.</summary>
[TestFixture, NonParallelizable]
public class SimulatorSpeedTests
{
    [TestCase(EvictionOrder.LeastRecentlyUsed)]
    [TestCase(EvictionOrder.FarthestNextUse)]
    public void A_hundred_thousand_ops_take_well_under_a_second(EvictionOrder order)
    {
        Core.Tracing.Trace trace = RandomTraces.Training(seed: 1, layers: 5000, opsPerLayer: 4, microBatches: 2);
        var context = new SimulationContext(trace);
        MachineModel machine = RandomTraces.Machine(seed: 1, trace) with { MemoryBudget = Math.Max(context.SmallestBudget, Footprint.Peak(trace) / 2) };
        MigrationPlan plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, order, "none");
        double best = double.PositiveInfinity;
        SimulationResult? result = null;
        for (int i = 0; i < 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            result = Simulator.Run(context, plan, machine);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        TestContext.Out.WriteLine($"{trace.Ops.Length} ops, {trace.Tensors.Length} tensors, {result!.UnplannedMigrations} migrations per iteration, steady: {result.IsSteady}: {best:F3} s");
        Assert.That(best, Is.LessThan(3));
    }
}
