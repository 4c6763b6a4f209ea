using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies;

/// <summary>Like <c>planned</c>, but tensors can move in parts. The engine moves whole tensors; this is for the simulator.</summary>
internal sealed class PlannedChunks : PlannedPolicy
{
    /// <summary>A chunk is about this part of the budget: large enough for bandwidth, small enough to fill memory well.</summary>
    private const int ChunksPerBudget = 64;

    private const int MostChunksPerTensor = 8;

    /// <summary>Cutting a trace with more tensors makes planning slow, and its tensors are small beside the budget anyway.</summary>
    private const int MostTensors = 20_000;

    public override string Name => "planned-chunks";

    public override string Description => "Like planned, and tensors can move in parts (simulator only).";

    public override PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(machine);
        var options = new PlannerOptions { Policy = Name };
        PolicyResult whole = MigrationPlanner.Plan(trace, machine, options, progress, cancellation);
        bool hasNothingToGain = !whole.Simulation.Feasible || whole.Simulation.StallSeconds <= 0;
        if (hasNothingToGain || trace.Tensors.Length > MostTensors) return whole;
        var chunks = TensorChunks.Cut(trace, Math.Max(1, machine.MemoryBudget / ChunksPerBudget), MostChunksPerTensor);
        MigrationPlan plan = chunks.Restore(MigrationPlanner.Plan(chunks.Trace, machine, options with { TryOtherPolicies = false }, progress, cancellation).Plan);
        SimulationResult simulation = Simulator.Run(trace, plan, machine);
        return simulation.Feasible && simulation.StepSeconds < whole.Simulation.StepSeconds
            ? new PolicyResult(plan with { PredictedStepSeconds = simulation.StepSeconds }, simulation)
            : whole;
    }
}
