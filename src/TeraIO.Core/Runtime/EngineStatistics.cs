namespace TeraIO.Core.Runtime;

/// <summary>Counters of the migration engine since it began. Bytes and requests are of tensors, without padding.</summary>
internal readonly record struct EngineStatistics
{
    public long BytesRead { get; init; }
    public long BytesWritten { get; init; }
    public long BytesDroppedClean { get; init; }
    public long Offloads { get; init; }
    public long Prefetches { get; init; }

    /// <summary>Time that ops and allocations waited for transfers.</summary>
    public TimeSpan StallTime { get; init; }

    /// <summary>The part of it spent on planned prefetches that came too late.</summary>
    public TimeSpan LatePrefetchTime { get; init; }

    /// <summary>The part of it spent on reads that nobody had planned.</summary>
    public TimeSpan OnDemandReadTime { get; init; }

    /// <summary>The part of it spent on making room.</summary>
    public TimeSpan NoRoomTime { get; init; }

    /// <summary>Times that the device's stream was made to wait for a read in the host's place. None of that time is in the others.</summary>
    public long StreamWaits { get; init; }

    /// <summary>Those of <see cref="StreamWaits"/> that the device's clock timed; nobody knows how long the others took.</summary>
    public long TimedStreamWaits { get; init; }

    /// <summary>How long <see cref="TimedStreamWaits"/> took.</summary>
    public TimeSpan StreamWaitTime { get; init; }

    /// <summary>Largest sum of bytes that could not have left memory at some moment: no smaller budget can work.</summary>
    public long SmallestBudget { get; init; }

    /// <summary>The op that ran at that moment.</summary>
    public string? LargestWorkingSetOp { get; init; }
}
