namespace TeraIO.Bounds.Exact;

/// <summary>How much work the best plan is worth.</summary>
public sealed record ExactPlanOptions
{
    /// <summary>Time for the solver. When it runs out, the best plan and the best bound that were found by then are the result.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most yes-or-no decisions that are tried; a larger instance is refused.</summary>
    public int MaxBinaries { get; init; } = 4000;
}
