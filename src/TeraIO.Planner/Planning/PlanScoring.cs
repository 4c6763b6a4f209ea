using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>
/// What makes a plan better: seconds of the step first, then bytes moved. A second of transfers counts as a few milliseconds of step, so that of plans about
/// equally fast the one that wears the disk least and steals least from compute wins; and by less than the 1 % within which times are not told apart.
/// </summary>
internal sealed class PlanScoring(Trace trace, MachineModel machine, PlannerOptions options)
{
    private const double SecondsOfStepPerSecondOfTransfer = 0.003;

    /// <summary>What is reported of an iteration that does not settle may be a lucky one.</summary>
    private const double UnsteadyPenalty = 0.01;

    /// <summary>Far above any step: a plan over the cap loses to every plan under it.</summary>
    private const double OverCap = 1e15;

    private readonly SimulationContext _context = new(trace);

    /// <summary>Simulates a plan and scores it.</summary>
    public Candidate Score(MigrationPlan plan, PeriodSelection? selection = null, double leadScale = 0, int[]? issue = null, bool[]? onHost = null)
    {
        SimulationResult simulation = Simulator.Run(_context, plan, machine);
        return new Candidate(plan with { PredictedStepSeconds = simulation.StepSeconds }, simulation, Of(simulation), selection, leadScale, issue, onHost);
    }

    /// <summary>Less is better; infinite when the plan cannot run.</summary>
    public double Of(SimulationResult simulation)
    {
        if (!simulation.Feasible) return double.PositiveInfinity;
        double transfer = simulation.BytesRead / machine.Storage.ReadBandwidth + simulation.BytesWritten / machine.Storage.WriteBandwidth;
        if (machine.Host is { } host) transfer += simulation.HostBytesRead / host.ReadBandwidth + simulation.HostBytesWritten / host.WriteBandwidth;
        double score = simulation.StepSeconds + SecondsOfStepPerSecondOfTransfer * Math.Min(transfer, 3 * simulation.StepSeconds);
        if (!simulation.IsSteady) score += UnsteadyPenalty * simulation.StepSeconds;
        return simulation.BytesWritten > options.MaxBytesWritten ? OverCap + simulation.BytesWritten : score;
    }
}
