using TeraIO.Core.Transfers;

namespace TeraIO.Optimizer.Tests.Offload;

/// <summary>Test double: which requests of all <see cref="FailingBackend"/>s fail.</summary>
internal sealed class FailingRequests
{
    private int _left = int.MaxValue;

    /// <summary>All requests after so many more fail, until <see cref="Stop"/>.</summary>
    public void FailAfter(int requests) => Volatile.Write(ref _left, requests);

    public void Stop() => Volatile.Write(ref _left, int.MaxValue);

    public bool NextFails() => Volatile.Read(ref _left) != int.MaxValue && Interlocked.Decrement(ref _left) < 0;
}

/// <summary>Test double: a device that goes away and comes back. A request that fails never reaches the inner backend.</summary>
internal sealed class FailingBackend(ITransferBackend inner, FailingRequests failing) : ITransferBackend
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<ulong> _failed = new();

    public string Name => $"{inner.Name}, failing";

    public TransferFile CreateFile(string path) => inner.CreateFile(path);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => inner.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request)
    {
        if (!failing.NextFails()) return inner.Submit(request);
        _failed.Enqueue(request.Token);
        inner.Wake();
        return TransferStatus.Ok;
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        count = 0;
        while (count < completions.Length && _failed.TryDequeue(out ulong token))
            completions[count++] = new BackendCompletion(token, TransferStatus.IoError, SystemErrno: 5, Bytes: 0, LatencyNanoseconds: 0);
        return count > 0 ? TransferStatus.Ok : inner.Wait(completions, out count);
    }

    public void Wake() => inner.Wake();

    public void Cancel(ulong token) => inner.Cancel(token);

    public void Dispose() => inner.Dispose();
}
