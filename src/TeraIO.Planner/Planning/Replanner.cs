using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Plans again from what a step really took. Where the step waited longer than the simulator said, the paths are slower than the machine model has them: the
/// factor with which the simulator gives the measured step is found first, and the new plan is made for those paths. Stateless and thread-safe.
/// </summary>
public static class Replanner
{
    /// <summary>Paths are not believed to be slower than this part of what was measured of them alone.</summary>
    private const double SlowestPath = 0.2;

    private const double WorthwhileGain = 0.01;
    private const int Halvings = 7;

    /// <summary>A better plan, or null when the current one is as good as it gets.</summary>
    /// <param name="measured">The iteration with op durations as they were measured, stalls taken out.</param>
    /// <param name="machine">Budget and tiers as the current plan was made for.</param>
    /// <param name="current">The plan that ran.</param>
    /// <param name="stepSeconds">What the step took by it, stalls included.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="cancellation">Ends it early with an exception.</param>
    public static PolicyResult? Replan(
        Trace measured, MachineModel machine, MigrationPlan current, double stepSeconds, PlannerOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(measured);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(current);
        options ??= new PlannerOptions();
        MachineModel fitted = FitPaths(measured, machine, current, stepSeconds);
        SimulationResult old = Simulator.Run(measured, current, fitted);
        if (!old.Feasible || old.StallSeconds < WorthwhileGain * old.StepSeconds) return null;
        PolicyResult better = MigrationPlanner.Plan(measured, fitted, options, cancellation: cancellation);
        return better.Simulation.Feasible && better.Simulation.StepSeconds < old.StepSeconds * (1 - WorthwhileGain) ? better : null;
    }

    /// <summary>The machine whose paths are so much slower that the simulator gives the measured step; the same machine when the step was no longer than simulated.</summary>
    internal static MachineModel FitPaths(Trace measured, MachineModel machine, MigrationPlan current, double stepSeconds)
    {
        if (StepAt(1) >= stepSeconds) return machine;
        double low = SlowestPath;
        double high = 1;
        for (int i = 0; i < Halvings; i++)
        {
            double middle = (low + high) / 2;
            if (StepAt(middle) > stepSeconds) low = middle;
            else high = middle;
        }

        return Slower(machine, high);

        double StepAt(double factor) => Simulator.Run(measured, current, Slower(machine, factor)).StepSeconds;
    }

    private static MachineModel Slower(MachineModel machine, double factor) =>
        machine with { Storage = Slower(machine.Storage, factor), Host = machine.Host is { } host ? Slower(host, factor) : null };

    private static TierModel Slower(TierModel tier, double factor) =>
        tier with { ReadBandwidth = tier.ReadBandwidth * factor, WriteBandwidth = tier.WriteBandwidth * factor };
}
