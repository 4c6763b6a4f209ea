using System.Globalization;
using TeraIO.Core.Interop;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>Turns how a stripe's transfer ended into the exception that says what, where, and what to do.</summary>
internal static class StripeFailure
{
    public static TeraIOException Describe(Transfer transfer, string path, StoredCopy copy)
    {
        var where = $"{transfer.File.Path} at offset {transfer.Offset} ({transfer.Length} bytes, tensor {copy.TensorId}, generation {copy.Generation})";
        bool isDeviceError = transfer.Status == TransferStatus.DeviceError;
        var errno = transfer.SystemErrno == 0 ? (isDeviceError ? " (the GPU could not compute the checksum of its bytes; the log has the driver's words)" : "")
            : isDeviceError ? $", {NativeMethods.Gds.DescribeError(transfer.Status, transfer.SystemErrno)}" : $", errno {transfer.SystemErrno}";
        int? systemErrno = transfer.SystemErrno == 0 || isDeviceError ? null : transfer.SystemErrno;
        return transfer.Status switch
        {
            TransferStatus.Corrupt => new CorruptionException(
                $"What was read from {where} is not what was written, on every attempt. The bytes must not be used. "
                + $"Restart from the last checkpoint and check the device behind {path}.")
            { Path = transfer.File.Path, Offset = transfer.Offset, Length = transfer.Length, TensorId = copy.TensorId },
            TransferStatus.ShortTransfer => new ShortTransferException(
                $"Only {transfer.BytesTransferred} bytes could be moved for {where}: the file is shorter than it was made. "
                + "Find out who truncated it; nothing else may touch a store's directory.")
            { Path = transfer.File.Path, Offset = transfer.Offset, Length = transfer.Length, TensorId = copy.TensorId },
            TransferStatus.Full => new StorageFullException(
                $"The disk is full: {where} could not be written{errno}. The tensor is unchanged in memory. Free space on the disk behind {path} or add a path to StoreOptions.Paths.")
            { Path = transfer.File.Path, Offset = transfer.Offset, Length = transfer.Length, TensorId = copy.TensorId, SystemErrno = systemErrno },
            _ when DeviceFault.IsOfGpu(transfer.Status, transfer.SystemErrno) => new StorageException(
                $"{where} could not be {(transfer.Direction == TransferDirection.Write ? "written; the tensor is unchanged in memory" : "read")}: {transfer.Status}{errno}. "
                + "The path is not to blame: check the GPU with nvidia-smi, the kernel log for Xid lines, and this process's limits.")
            { Path = transfer.File.Path, Offset = transfer.Offset, Length = transfer.Length, TensorId = copy.TensorId },
            _ when transfer.Direction == TransferDirection.Write => new StorageException(
                $"{where} could not be written, nor could another extent: {transfer.Status}{errno}. The tensor is unchanged in memory. Check the device behind {path} and the kernel log.")
            { Path = transfer.File.Path, Offset = transfer.Offset, Length = transfer.Length, TensorId = copy.TensorId, SystemErrno = systemErrno },
            _ => new StorageException(
                $"{where} could not be read: {transfer.Status}{errno}. Check the device behind {path} and the kernel log.")
            { Path = transfer.File.Path, Offset = transfer.Offset, Length = transfer.Length, TensorId = copy.TensorId, SystemErrno = systemErrno },
        };
    }

    /// <summary>What became of a tensor whose deadline passed.</summary>
    /// <param name="direction">Which way it went.</param>
    /// <param name="deadline">From the transfer's begin.</param>
    /// <param name="missing">Stripes that had not ended.</param>
    /// <param name="path">Where the first of them lies.</param>
    /// <param name="copy">The tensor's.</param>
    public static TransferDeadlineException Late(TransferDirection direction, TimeSpan deadline, int missing, string path, StoredCopy copy)
    {
        string time = string.Create(CultureInfo.InvariantCulture, $"{deadline.TotalMilliseconds:0.###} ms");
        string outcome = direction == TransferDirection.Write
            ? "The tensor is unchanged in memory, and its copy in the store is not valid until it is written again."
            : "The destination does not hold its bytes; the copy in the store is as valid as before and can be read again.";
        return new TransferDeadlineException(
            $"Tensor {copy.TensorId} ({copy.Bytes} bytes, generation {copy.Generation}) was not {(direction == TransferDirection.Write ? "written" : "read")} by its deadline of {time}: "
            + $"{missing} of {copy.Stripes.Length} stripes had not ended, the first of them on {path}. {outcome} Allow more time, or look for a slow path in TensorStore.Statistics.")
        { Path = path, Length = copy.Bytes, TensorId = copy.TensorId };
    }
}
