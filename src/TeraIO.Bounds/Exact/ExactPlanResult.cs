using TeraIO.Planner.Policies;

namespace TeraIO.Bounds.Exact;

/// <summary>The best whole-tensor plan that the model of <c>docs/bounds.md</c> knows, what it promises, and what the simulator makes of it.</summary>
public sealed record ExactPlanResult
{
    /// <summary>Whether every op's working set fits the budget. When false, nothing else is set but <see cref="Reason"/>.</summary>
    public required bool Feasible { get; init; }

    /// <summary>Why there is no plan: the budget is too small, or the solver ran out of time before it had one; null when there is a plan.</summary>
    public string? Reason { get; init; }

    /// <summary>Seconds that a steady iteration takes at least under any whole-tensor plan.</summary>
    public double BoundSeconds { get; init; }

    /// <summary>Seconds of the best schedule of the model; at least <see cref="BoundSeconds"/>, and equal to it up to the solver's tolerance when <see cref="IsOptimal"/>.</summary>
    public double ModelSeconds { get; init; }

    /// <summary>The solver proved that no schedule of the model is better.</summary>
    public bool IsOptimal { get; init; }

    /// <summary>The schedule as a plan, simulated; null when there is none.</summary>
    public PolicyResult? Plan { get; init; }

    /// <summary>Yes-or-no decisions of the model.</summary>
    public int Binaries { get; init; }

    /// <summary>Seconds that it took.</summary>
    public double SolveSeconds { get; init; }

    /// <summary>The name under which the plan goes.</summary>
    public const string PolicyName = "exact";
}
