namespace TeraIO.Bounds;

/// <summary>
/// What no plan for a trace and a machine can beat, as long as ops keep their order and nothing is computed twice. See <c>docs/bounds.md</c>.
/// </summary>
public sealed record LowerBoundResult
{
    /// <summary>Whether every op's working set fits the budget. When false, nothing else is set but <see cref="InfeasibleReason"/> and <see cref="SmallestBudget"/>.</summary>
    public required bool Feasible { get; init; }

    /// <summary>Which op does not fit, how much it needs, and the smallest budget that would do.</summary>
    public string? InfeasibleReason { get; init; }

    /// <summary>Bytes that the largest op needs at once.</summary>
    public long SmallestBudget { get; init; }

    /// <summary>Seconds that a steady iteration takes at least.</summary>
    public double StepSeconds { get; init; }

    /// <summary>Seconds of the ops alone.</summary>
    public double IdealSeconds { get; init; }

    /// <summary>Seconds that a steady iteration takes at least because of the amount of traffic alone; not less than <see cref="IdealSeconds"/>.</summary>
    public double TrafficSeconds { get; init; }

    /// <summary>Bytes that are read from SSD at least per iteration, by whatever plan.</summary>
    public long BytesRead { get; init; }

    /// <summary>Bytes that are written to SSD at least per iteration, by whatever plan; one plan need not reach this and <see cref="BytesRead"/>.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Bytes that are read from and written to SSD together at least per iteration.</summary>
    public long BytesMoved { get; init; }

    /// <summary>Which argument gives <see cref="StepSeconds"/>.</summary>
    public ActiveBound Active { get; init; }

    /// <summary>The solver's word on the last program that it was given; <c>OPTIMAL</c> when it ended in time.</summary>
    public string SolverStatus { get; init; } = "";

    /// <summary>Memory was checked at the begin and the end of every op: the bound is the optimum of the chunked relaxation.</summary>
    public bool IsExact { get; init; }

    /// <summary>Moments at which memory was checked for <see cref="StepSeconds"/>.</summary>
    public int Checkpoints { get; init; }

    /// <summary>Seconds that computing the bound took.</summary>
    public double SolveSeconds { get; init; }
}
