namespace TeraIO.Optimizer.Offload;

/// <summary>How one update went.</summary>
public sealed record UpdateReport
{
    /// <summary>Number of the step, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>From the call until everything is updated and flushed but the tail cache.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Part of it in which the update waited for a subgroup's state or gradients.</summary>
    public required TimeSpan FetchWait { get; init; }

    /// <summary>Part of it in which the CPU updated.</summary>
    public required TimeSpan CpuUpdate { get; init; }

    /// <summary>Part of it at the end in which flushes and the device were waited for.</summary>
    public required TimeSpan Drain { get; init; }

    /// <summary>Bytes moved, those written by <see cref="OffloadedState.StoreGradientsAsync"/> for this step included.</summary>
    public required StepTraffic Traffic { get; init; }

    /// <summary>Subgroups that were in memory from the step before.</summary>
    public required int CacheHits { get; init; }

    /// <summary>Subgroups that the device updated.</summary>
    public required int OnDevice { get; init; }
}
