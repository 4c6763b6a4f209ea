using TeraIO.Core.Storage;

namespace TeraIO.Core.Transfers;

/// <summary>
/// The mechanism under a <see cref="TransferEngine"/>: files and one queue of asynchronous transfers. It knows no
/// tensors, priorities beyond an order, checksums or retries. Statuses, not exceptions, report what the kernel says of a transfer.
/// </summary>
/// <remarks>
/// Thread-safe, but for <see cref="Wait"/> (one thread at a time) and <see cref="IDisposable.Dispose"/> (last, alone).
/// Every accepted request yields exactly one completion; only then may its memory be freed or reused.
/// </remarks>
internal interface ITransferBackend : IDisposable
{
    /// <summary>For messages: <c>io_uring</c>, <c>threads</c>, ...</summary>
    string Name { get; }

    /// <summary>Creates <paramref name="path"/> with mode 0600 for direct I/O where the file system allows it.</summary>
    /// <exception cref="TeraIOException">It could not be created.</exception>
    TransferFile CreateFile(string path);

    /// <summary>Makes sure the first <paramref name="size"/> bytes have blocks. On failure the file is as it was and <paramref name="reason"/> says why.</summary>
    TransferStatus Allocate(TransferFile file, long size, out string? reason);

    /// <summary>Accepts a request without waiting for its I/O. <see cref="TransferStatus.Busy"/>: no room before the next completion.</summary>
    TransferStatus Submit(in BackendRequest request);

    /// <summary>
    /// Blocks until there is a completion (Ok, count above 0), <see cref="Wake"/> was called (Ok, count 0) or nothing can
    /// ever complete again (any other status).
    /// </summary>
    TransferStatus Wait(Span<BackendCompletion> completions, out int count);

    /// <summary>Makes the current or next <see cref="Wait"/> return.</summary>
    void Wake();

    /// <summary>Best effort; the completion still comes. An unknown token is no error: it may just have completed.</summary>
    void Cancel(ulong token);
}

/// <summary>A file opened by a backend. Dispose after its last transfer completed.</summary>
internal abstract class TransferFile(string path) : IDisposable
{
    public string Path { get; } = path;

    /// <summary>Whether transfers bypass the page cache.</summary>
    public abstract bool IsDirect { get; }

    /// <summary>Bytes available on the file system when the file was opened.</summary>
    public abstract long FreeBytes { get; }

    /// <summary>What moves its bytes: never <see cref="StorageBackend.Device"/>; <see cref="StorageBackend.Auto"/> where it is no interface of the kernel.</summary>
    public virtual StorageBackend Backend => StorageBackend.Auto;

    /// <summary>
    /// For transfers of device memory: the way their bytes are expected to go, with the reason, such as <c>compatibility mode: the file
    /// is not on an NVMe device</c>. <see langword="null"/> for host memory, and where nothing was chosen.
    /// </summary>
    public virtual string? Route => null;

    /// <summary>Whether device memory goes through the CPU's after all.</summary>
    public virtual bool GoesThroughHostMemory => false;

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>
/// One contiguous transfer. Offsets are multiples of 4096; <see cref="Length"/> is any positive count of bytes. With <see cref="After"/>
/// it begins when this recorded fence has passed, and fails if the kernels before it have.
/// </summary>
internal readonly record struct BackendRequest(
    TransferDirection Direction, TransferFile File, nint Memory, long Offset, long Length, ulong Token, int Priority, TransferFence? After = null);

/// <summary>The end of the request with the same token.</summary>
internal readonly record struct BackendCompletion(
    ulong Token, TransferStatus Status, int SystemErrno, long Bytes, long LatencyNanoseconds);
