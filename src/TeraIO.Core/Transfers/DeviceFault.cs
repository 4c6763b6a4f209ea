namespace TeraIO.Core.Transfers;

/// <summary>
/// Whose fault a <see cref="TransferStatus.DeviceError"/> is. cuFile reports what happened to a file and to the GPU in one kind of code: what a file or its device did counts against the path and may go
/// better on another one; what the GPU, its driver, a buffer or the process did would happen on every path.
/// </summary>
internal static class DeviceFault
{
    /// <summary>Whether a transfer failed because of the path it went to.</summary>
    /// <param name="status">How it ended.</param>
    /// <param name="code">Its <see cref="Transfer.SystemErrno"/>: for device errors cuFile's code, or below 5000 a CUresult.</param>
    public static bool IsOfPath(TransferStatus status, int code) => status switch
    {
        TransferStatus.IoError or TransferStatus.ShortTransfer or TransferStatus.Timeout or TransferStatus.Internal or TransferStatus.Closed or TransferStatus.Corrupt => true,
        TransferStatus.DeviceError => code is
            5008 or (>= 5018 and <= 5021) or 5027 or 5034 // cuFile does not serve this file, or no longer
            or 5025  // access denied
            or 5030  // internal error: what network file systems report through cuFile
            or 5044  // the transfer failed
            or 5048, // nvidia-fs, which serves each file through its device
        // A full disk, a cancel and a wrong argument say nothing about the device.
        _ => false,
    };

    /// <summary>Whether a transfer failed because of the GPU, its driver or this process, so that it fails wherever it goes.</summary>
    /// <inheritdoc cref="IsOfPath" path="/param"/>
    public static bool IsOfGpu(TransferStatus status, int code) => status == TransferStatus.DeviceError && !IsOfPath(status, code);
}
