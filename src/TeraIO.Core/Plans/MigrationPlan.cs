using TeraIO.Core.Tracing;

namespace TeraIO.Core.Plans;

/// <summary>
/// Which tensors leave memory after which op and come back before which, once per iteration. Correctness never depends on it: whoever carries it out
/// brings back what an op lacks and makes room that is missing, in <see cref="EvictionOrder"/>. Immutable and thread-safe.
/// </summary>
public sealed record MigrationPlan
{
    /// <summary>Name of the policy that made it.</summary>
    public required string Policy { get; init; }

    /// <summary>Name of the trace it was made for.</summary>
    public required string TraceName { get; init; }

    /// <summary>Ops of that trace.</summary>
    public required int OpCount { get; init; }

    /// <summary>Tensors of that trace.</summary>
    public required int TensorCount { get; init; }

    /// <summary>Limit on bytes in memory that it was made for.</summary>
    public required long MemoryBudget { get; init; }

    /// <summary>
    /// By <see cref="PlannedMigration.IssueOp"/>; among those of one op prefetches and recomputations (before it) come first, then offloads and discards
    /// (after it); each group in the order in which they are issued.
    /// </summary>
    public IReadOnlyList<PlannedMigration> Migrations { get; init; } = [];

    /// <summary>Who leaves when the plan left too little room.</summary>
    public EvictionOrder EvictionOrder { get; init; } = EvictionOrder.FarthestNextUse;

    /// <summary>Seconds per iteration that the simulator expects; 0 when not simulated.</summary>
    public double PredictedStepSeconds { get; init; }

    /// <summary>A plan that moves nothing ahead of time: every transfer is on demand.</summary>
    public static MigrationPlan OnDemand(Trace trace, long memoryBudget, EvictionOrder order, string policy)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new MigrationPlan
        {
            Policy = policy,
            TraceName = trace.Header.Name,
            OpCount = trace.Ops.Length,
            TensorCount = trace.Tensors.Length,
            MemoryBudget = memoryBudget,
            EvictionOrder = order,
        };
    }
}
