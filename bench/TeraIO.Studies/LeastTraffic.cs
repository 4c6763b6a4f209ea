using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Studies;

/// <summary>
/// Bytes that a budget makes move when bandwidth does not matter: whole tensors, the farthest next use leaves first (Belady's rule), clean copies are
/// dropped. Close to the least possible; a plan may move more to move it in time.
/// </summary>
internal readonly record struct LeastTraffic(long BytesRead, long BytesWritten)
{
    private const double Unlimited = 1e18;

    public static LeastTraffic Of(Trace trace, long budget)
    {
        var machine = new MachineModel
        {
            MemoryBudget = budget,
            Storage = new TierModel { ReadBandwidth = Unlimited, WriteBandwidth = Unlimited },
        };
        SimulationResult result = Simulator.Run(trace, MigrationPlan.OnDemand(trace, budget, EvictionOrder.FarthestNextUse, "belady"), machine);
        if (!result.Feasible) throw new ConfigurationException(result.InfeasibleReason!);
        return new LeastTraffic(result.BytesRead, result.BytesWritten);
    }

    /// <summary>The direction that takes longer when both run at once.</summary>
    public long Longer => Math.Max(BytesRead, BytesWritten);
}
