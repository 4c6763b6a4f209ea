using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>What the simulator expects of one steady iteration.</summary>
public sealed record SimulationResult
{
    /// <summary>Whether every op's working set fits the budget. When false, nothing else is set but <see cref="InfeasibleReason"/>.</summary>
    public required bool Feasible { get; init; }

    /// <summary>Which op does not fit, how much it needs, and the smallest budget that would do.</summary>
    public string? InfeasibleReason { get; init; }

    /// <summary>Seconds of a steady iteration.</summary>
    public double StepSeconds { get; init; }

    /// <summary>Seconds of the same iteration with unlimited memory.</summary>
    public double IdealSeconds { get; init; }

    /// <summary>Seconds that ops waited.</summary>
    public double StallSeconds { get; init; }

    /// <summary>Seconds that ops took longer because transfers ran beside them.</summary>
    public double ComputeOverheadSeconds { get; init; }

    /// <summary>Seconds of computing discarded tensors again. Step = ideal + stalls + overhead + recomputation.</summary>
    public double RecomputeSeconds { get; init; }

    /// <summary>
    /// The state at the end of the iteration is the one at its beginning. When false, the simulator gave up waiting for that and reports the last iteration.
    /// </summary>
    public bool IsSteady { get; init; }

    /// <summary>Most bytes in memory at once.</summary>
    public long PeakBytes { get; init; }

    /// <summary>Bytes read from SSD.</summary>
    public long BytesRead { get; init; }

    /// <summary>Bytes written to SSD.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Bytes copied from host memory.</summary>
    public long HostBytesRead { get; init; }

    /// <summary>Bytes copied to host memory.</summary>
    public long HostBytesWritten { get; init; }

    /// <summary>Migrations that the plan had not provided: on-demand reads and evictions.</summary>
    public int UnplannedMigrations { get; init; }

    /// <summary>Seconds that each op waited before it began.</summary>
    public IReadOnlyList<double> StallPerOp { get; init; } = [];

    /// <summary>The main reason, per op.</summary>
    public IReadOnlyList<StallCause> StallCausePerOp { get; init; } = [];

    /// <summary>Second at which each op began, counted from the start of the iteration.</summary>
    public IReadOnlyList<double> OpStart { get; init; } = [];

    /// <summary>Second at which each op ended.</summary>
    public IReadOnlyList<double> OpEnd { get; init; } = [];

    /// <summary>Bytes in memory while each op ran.</summary>
    public IReadOnlyList<long> MemoryPerOp { get; init; } = [];

    /// <summary>Every transfer of the iteration, by start; only when asked for.</summary>
    public IReadOnlyList<SimulatedTransfer> Transfers { get; init; } = [];
}

/// <summary>One transfer of the simulated iteration.</summary>
/// <param name="Tensor">Index into the trace's tensors.</param>
/// <param name="Kind">Offload or prefetch.</param>
/// <param name="Tier">The other end.</param>
/// <param name="Bytes">How much.</param>
/// <param name="Issued">Second at which it was asked for.</param>
/// <param name="Started">Second at which its first byte moved.</param>
/// <param name="Ended">Second at which its last byte arrived; may lie after the iteration's end.</param>
/// <param name="IsPlanned">The plan had it; false: on demand.</param>
public readonly record struct SimulatedTransfer(
    int Tensor, MigrationKind Kind, MemoryTier Tier, long Bytes, double Issued, double Started, double Ended, bool IsPlanned);
