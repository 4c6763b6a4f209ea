using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tiers;

/// <summary>What a path's transfers tell of it: its rate per direction, and whether it fails. Written by its engine, read by the placement. Thread-safe.</summary>
/// <param name="stripeBytes">The store's stripe size.</param>
internal sealed class PathCondition(long stripeBytes)
{
    /// <summary>One bad extent is a bad extent; this many failures in a row are a bad path.</summary>
    private const int FailuresOfABadPath = 3;

    private int _failedReads;
    private int _failedWrites;

    public RateMeter Reads { get; } = new(stripeBytes / 4);

    public RateMeter Writes { get; } = new(stripeBytes / 4);

    public bool IsFailing => Volatile.Read(ref _failedReads) >= FailuresOfABadPath || Volatile.Read(ref _failedWrites) >= FailuresOfABadPath;

    public RateMeter Of(TransferDirection direction) => direction == TransferDirection.Read ? Reads : Writes;

    /// <summary>A transfer has ended for good, retries included.</summary>
    public void NoteEnd(Transfer transfer, TransferStatus status)
    {
        ref int failed = ref transfer.Direction == TransferDirection.Read ? ref _failedReads : ref _failedWrites;
        if (DeviceFault.IsOfPath(status, transfer.SystemErrno))
            Interlocked.Increment(ref failed);
        else if (status == TransferStatus.Ok && Volatile.Read(ref failed) != 0)
            Volatile.Write(ref failed, 0);
    }

    /// <summary>A probe wrote to the path and read the same bytes back.</summary>
    public void NoteRecovery()
    {
        Volatile.Write(ref _failedReads, 0);
        Volatile.Write(ref _failedWrites, 0);
    }
}
