namespace TeraIO.Core.Transfers;

/// <summary>Told of the end of each transfer it started.</summary>
internal interface ITransferOwner
{
    /// <summary>
    /// Runs once per <see cref="TransferEngine.Start"/>, on the engine's completion thread or on the thread that canceled. Must not
    /// block or throw; may start transfers, this one included.
    /// </summary>
    void OnCompleted(Transfer transfer);
}

/// <summary>
/// One contiguous piece of I/O: what is asked, and after <see cref="ITransferOwner.OnCompleted"/> how it ended. Belongs to
/// its owner, which reuses it; between Start and completion only the engine touches it.
/// </summary>
internal sealed class Transfer(ITransferOwner owner, int index)
{
    public ITransferOwner Owner { get; } = owner;

    /// <summary>The owner's number for it.</summary>
    public int Index { get; } = index;

    public TransferDirection Direction { get; set; }

    public TransferFile File { get; set; } = null!;

    public nint Memory { get; set; }

    public long Offset { get; set; }

    public long Length { get; set; }

    public TransferPriority Priority { get; set; }

    /// <summary>A <see cref="System.Diagnostics.Stopwatch"/> timestamp; <see cref="long.MaxValue"/> for none.</summary>
    public long Deadline { get; set; } = long.MaxValue;

    /// <summary>How often a transient failure or a wrong checksum may still be tried again.</summary>
    public int RetriesLeft { get; set; }

    public ulong ChecksumSeed { get; set; }

    /// <summary>Whether a read is compared with <see cref="Checksum"/>.</summary>
    public bool VerifiesChecksum { get; set; }

    /// <summary>A write leaves <see cref="Checksum"/> as it is, because it is known or nobody will compare it. Else it computes it.</summary>
    public bool KeepsChecksum { get; set; }

    /// <summary>Recorded behind the kernels that the transfer comes after; <see langword="null"/>: it may begin at once.</summary>
    public TransferFence? After { get; set; }

    /// <summary>Of the bytes written, or of those a read must find.</summary>
    public ulong Checksum { get; set; }

    public TransferStatus Status { get; internal set; }

    /// <summary>0 unless the kernel reported one.</summary>
    public int SystemErrno { get; internal set; }

    /// <summary>Bytes that arrived; equals <see cref="Length"/> on success.</summary>
    public long BytesTransferred { get; internal set; }

    // The engine's, under its lock.
    internal TransferState State { get; set; }

    internal bool CancelRequested { get; set; }

    internal ulong Token { get; set; }

    /// <summary>Its place in the lane among those of one priority and deadline.</summary>
    internal long Sequence { get; set; }

    /// <summary>It waits to be tried again.</summary>
    internal bool IsRepeated { get; set; }
}

/// <summary>Where a transfer is: Idle -> Queued -> InFlight -> Settling -> (Queued again | Idle).</summary>
internal enum TransferState
{
    /// <summary>In its owner's hands.</summary>
    Idle,

    /// <summary>In a lane, not yet handed to the backend.</summary>
    Queued,

    /// <summary>The backend has it or is about to; only a completion ends this.</summary>
    InFlight,

    /// <summary>The backend is done; the engine judges the result.</summary>
    Settling,
}
