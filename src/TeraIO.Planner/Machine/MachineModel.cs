namespace TeraIO.Planner.Machine;

/// <summary>What the planner and the simulator know of a machine. Immutable.</summary>
public sealed record MachineModel
{
    /// <summary>Limit on bytes in memory.</summary>
    public required long MemoryBudget { get; init; }

    /// <summary>The SSD paths of this rank taken together.</summary>
    public required TierModel Storage { get; init; }

    /// <summary>Host memory beside the device's own; null when there is none to use.</summary>
    public TierModel? Host { get; init; }

    /// <summary>
    /// Compute seconds that each transferred byte takes away from the ops (checksums, page faults, copies by the same cores). 0 where transfers
    /// cost the compute device nothing (GPUDirect Storage).
    /// </summary>
    public double ComputeSecondsPerByte { get; init; }
}

/// <summary>One tier behind memory. Bandwidths are this rank's share.</summary>
public sealed record TierModel
{
    /// <summary>Bytes per second towards memory while nothing is written.</summary>
    public required double ReadBandwidth { get; init; }

    /// <summary>Bytes per second away from memory while nothing is read.</summary>
    public required double WriteBandwidth { get; init; }

    /// <summary>
    /// How much reads and writes disturb each other: 0, both run at full speed at once; 1, they share one channel
    /// (r/ReadBandwidth + w/WriteBandwidth is at most 2 - Interference at any moment).
    /// </summary>
    public double Interference { get; init; }

    /// <summary>Seconds from issue to first byte of a transfer; overlaps with transfers in flight.</summary>
    public double LatencySeconds { get; init; }

    /// <summary>Tensors in flight at once, per direction.</summary>
    public int QueueDepth { get; init; } = 8;

    /// <summary>Bytes it can hold.</summary>
    public long Capacity { get; init; } = long.MaxValue;
}
