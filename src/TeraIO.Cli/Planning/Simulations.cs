using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Planning;

/// <summary>Plans and simulates.</summary>
internal static class Simulations
{
    /// <summary>A policy's plan and its simulation.</summary>
    /// <exception cref="InfeasibleBudgetException">The budget is too small for an op.</exception>
    public static PolicyResult Plan(IMigrationPolicy policy, Trace trace, MachineModel machine, IProgress<double>? progress, CancellationToken cancellation)
    {
        PolicyResult result = policy.Plan(trace, machine, progress, cancellation);
        Check(result.Simulation);
        return result;
    }

    /// <summary>A plan's simulation with every transfer.</summary>
    /// <exception cref="InfeasibleBudgetException">The budget is too small for an op.</exception>
    public static SimulationResult WithTransfers(Trace trace, MigrationPlan plan, MachineModel machine)
    {
        SimulationResult result = Simulator.Run(trace, plan, machine, SimulationOptions.Default with { RecordTransfers = true });
        Check(result);
        return result;
    }

    private static void Check(SimulationResult result)
    {
        if (!result.Feasible) throw new InfeasibleBudgetException(result.InfeasibleReason ?? "The budget is too small for an op.");
    }
}
