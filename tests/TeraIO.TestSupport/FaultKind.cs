namespace TeraIO.TestSupport;

/// <summary>What goes wrong with an operation.</summary>
public enum FaultKind
{
    /// <summary>The kernel reports EIO; nothing is moved.</summary>
    IoError,

    /// <summary>cuFile or the CUDA driver reports <see cref="FaultPlan.DeviceErrorCode"/>; nothing is moved.</summary>
    DeviceError,

    /// <summary>The kernel reports ENOSPC, for writes and preallocation.</summary>
    NoSpace,

    /// <summary>Half the bytes move, and the backend says so.</summary>
    ShortTransfer,

    /// <summary>Only the first blocks of a write land; the device reports success.</summary>
    TornWrite,

    /// <summary>A write lands at another offset; the device reports success.</summary>
    MisdirectedWrite,

    /// <summary>A write never lands; the device reports success.</summary>
    LostWrite,

    /// <summary>One bit of what was read is wrong; the device reports success.</summary>
    BitFlipOnRead,
}
