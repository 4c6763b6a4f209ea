using TeraIO.Core;

namespace TeraIO.Torch;

/// <summary>A snapshot of counters; the difference of two snapshots is what happened between them.</summary>
public readonly record struct OffloadStatistics
{
    /// <summary>Live tensor bytes now, as the allocator counts them.</summary>
    public ByteSize LiveBytes { get; init; }

    /// <summary>Highest <see cref="LiveBytes"/> since the session began or <see cref="OffloadSession.ResetPeak"/>.</summary>
    public ByteSize PeakLiveBytes { get; init; }

    /// <summary>
    /// What libtorch's caching allocator holds of the device now: <see cref="LiveBytes"/>, its rounding and fragments, freed blocks that it keeps, and what went past the session. Null on the CPU, and where this libtorch does not tell.
    /// </summary>
    public ByteSize? ReservedBytes { get; init; }

    /// <summary>Tensor bytes read back from the store.</summary>
    public ByteSize BytesRead { get; init; }

    /// <summary>Tensor bytes written to the store.</summary>
    public ByteSize BytesWritten { get; init; }

    /// <summary>Tensor bytes that left memory without a write, because the store held them already.</summary>
    public ByteSize BytesDroppedClean { get; init; }

    /// <summary>Storages that left memory.</summary>
    public long Offloads { get; init; }

    /// <summary>Storages that came back.</summary>
    public long Prefetches { get; init; }

    /// <summary>Time that ops and allocations waited for transfers, as far as the host did; what the device's stream waited in its place is not in it (<see cref="StreamWaits"/>).</summary>
    public TimeSpan StallTime { get; init; }

    /// <summary>The part of <see cref="StallTime"/> spent on planned prefetches that came too late.</summary>
    public TimeSpan LatePrefetchTime { get; init; }

    /// <summary>The part of <see cref="StallTime"/> spent on reads that nobody had planned.</summary>
    public TimeSpan OnDemandReadTime { get; init; }

    /// <summary>The part of <see cref="StallTime"/> spent on making room.</summary>
    public TimeSpan NoRoomTime { get; init; }

    /// <summary>
    /// Times that the device's stream was made to wait for a read in the host's place (<see cref="ReadWaits.InStream"/>). How long it waited is known for <see cref="TimedStreamWaits"/> of them only.
    /// </summary>
    public long StreamWaits { get; init; }

    /// <summary>Those of <see cref="StreamWaits"/> whose time the device's clock took: of steps that a plan is made or judged with. Nobody knows how long the others took. Counted when the step has ended, and so not in its <see cref="StepScope.Statistics"/>.</summary>
    public long TimedStreamWaits { get; init; }

    /// <summary>How long the stream stood still for <see cref="TimedStreamWaits"/>.</summary>
    public TimeSpan StreamWaitTime { get; init; }

    /// <summary>Steps that ran from first to last op by a plan.</summary>
    public long PlannedSteps { get; init; }

    /// <summary>Times that a step departed from its plan and went on on demand.</summary>
    public long Divergences { get; init; }

    /// <summary>Planned transfers that failed and were made up for on demand.</summary>
    public int FailedMigrations { get; init; }

    /// <summary>Time spent on making plans, between steps.</summary>
    public TimeSpan PlanningTime { get; init; }

    /// <summary>
    /// The smallest budget that could have worked so far: the largest amount of bytes that could not leave memory at some moment (one op's
    /// inputs, outputs and temporaries, plus what is too small to move).
    /// </summary>
    public ByteSize SmallestBudget { get; init; }

    /// <summary>The op that ran at that moment, such as <c>aten::_log_softmax_backward_data</c>.</summary>
    public string? LargestWorkingSetOp { get; init; }

    /// <summary>Ops observed, nested ones included.</summary>
    public long Operations { get; init; }

    /// <summary>Counts between two snapshots; levels (live, peak, reserved, smallest budget) are those of <paramref name="later"/>.</summary>
    public static OffloadStatistics operator -(OffloadStatistics later, OffloadStatistics earlier) => later with
    {
        BytesRead = later.BytesRead - earlier.BytesRead,
        BytesWritten = later.BytesWritten - earlier.BytesWritten,
        BytesDroppedClean = later.BytesDroppedClean - earlier.BytesDroppedClean,
        Offloads = later.Offloads - earlier.Offloads,
        Prefetches = later.Prefetches - earlier.Prefetches,
        StallTime = later.StallTime - earlier.StallTime,
        LatePrefetchTime = later.LatePrefetchTime - earlier.LatePrefetchTime,
        OnDemandReadTime = later.OnDemandReadTime - earlier.OnDemandReadTime,
        NoRoomTime = later.NoRoomTime - earlier.NoRoomTime,
        StreamWaits = later.StreamWaits - earlier.StreamWaits,
        TimedStreamWaits = later.TimedStreamWaits - earlier.TimedStreamWaits,
        StreamWaitTime = later.StreamWaitTime - earlier.StreamWaitTime,
        PlannedSteps = later.PlannedSteps - earlier.PlannedSteps,
        Divergences = later.Divergences - earlier.Divergences,
        FailedMigrations = later.FailedMigrations - earlier.FailedMigrations,
        PlanningTime = later.PlanningTime - earlier.PlanningTime,
        Operations = later.Operations - earlier.Operations,
    };
}
