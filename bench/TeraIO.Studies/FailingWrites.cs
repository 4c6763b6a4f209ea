using TeraIO.Core.Transfers;

namespace TeraIO.Studies;

/// <summary>Emulates a path that stops taking writes: from <see cref="IsFailing"/> on each ends with EIO. Reads go through.</summary>
internal sealed class FailingWrites(ITransferBackend inner) : ITransferBackend
{
    private const int ErrnoIo = 5;

    private readonly Lock _lock = new();
    private readonly Queue<BackendCompletion> _failed = new();
    private volatile bool _isFailing;

    public bool IsFailing
    {
        get => _isFailing;
        set => _isFailing = value;
    }

    public string Name => inner.Name;

    public TransferFile CreateFile(string path) => inner.CreateFile(path);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => inner.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request)
    {
        if (!IsFailing || request.Direction == TransferDirection.Read) return inner.Submit(request);
        lock (_lock) _failed.Enqueue(new BackendCompletion(request.Token, TransferStatus.IoError, ErrnoIo, Bytes: 0, LatencyNanoseconds: 0));
        inner.Wake();
        return TransferStatus.Ok;
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        count = TakeFailed(completions);
        if (count > 0) return TransferStatus.Ok;
        TransferStatus status = inner.Wait(completions, out count);
        if (status == TransferStatus.Ok && count == 0) count = TakeFailed(completions);
        return status;
    }

    public void Wake() => inner.Wake();

    public void Cancel(ulong token) => inner.Cancel(token);

    public void Dispose() => inner.Dispose();

    private int TakeFailed(Span<BackendCompletion> completions)
    {
        lock (_lock)
        {
            int count = 0;
            while (count < completions.Length && _failed.TryDequeue(out BackendCompletion completion)) completions[count++] = completion;
            return count;
        }
    }
}
