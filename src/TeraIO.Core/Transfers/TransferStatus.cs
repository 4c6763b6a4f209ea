namespace TeraIO.Core.Transfers;

/// <summary>How one transfer ended. Values below zero and above -100 are tio_gds.h's <c>TIO_E_*</c>, unchanged.</summary>
internal enum TransferStatus
{
    Ok = 0,
    Invalid = -1,
    IoError = -2,
    OutOfMemory = -3,
    Full = -4,
    ShortTransfer = -5,
    Canceled = -6,
    Timeout = -7,
    Unsupported = -8,
    Closed = -9,
    Busy = -10,
    Internal = -11,
    DeviceError = -12,

    /// <summary>All bytes came, but not those that were written.</summary>
    Corrupt = -100,
}

internal enum TransferDirection
{
    Read = 0,
    Write = 1,
}
