using System.Diagnostics;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tiers;

/// <summary>
/// A <see cref="HostMemoryRegion"/> behind <see cref="ITransferBackend"/>, so that the host tier has priorities, checksums, retries and counters from the same
/// engine as a path. Bytes are copied by the thread that waits: the engine's completion thread.
/// </summary>
internal sealed unsafe class HostMemoryBackend(HostMemoryRegion region) : ITransferBackend
{
    private readonly object _lock = new();
    private readonly PriorityQueue<BackendRequest, (int Priority, long Sequence)> _requests = new();
    private long _nextSequence;
    private bool _isAwake;

    public string Name => "host memory";

    public TransferFile CreateFile(string path) => new RegionFile(path, region.Bytes);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason)
    {
        reason = size <= region.Bytes ? null : $"the host tier has {region.Bytes} bytes";
        return reason is null ? TransferStatus.Ok : TransferStatus.Full;
    }

    public TransferStatus Submit(in BackendRequest request)
    {
        if (request.Offset < 0 || request.Length > region.Bytes - request.Offset) return TransferStatus.Invalid;
        lock (_lock)
        {
            _requests.Enqueue(request, (request.Priority, _nextSequence++));
            Monitor.Pulse(_lock);
        }

        return TransferStatus.Ok;
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        count = 0;
        BackendRequest request;
        lock (_lock)
        {
            while (_requests.Count == 0 && !_isAwake) Monitor.Wait(_lock);
            _isAwake = false;
            if (!_requests.TryDequeue(out request, out _)) return TransferStatus.Ok;
        }

        // One at a time: an urgent read that comes meanwhile is next.
        long start = Stopwatch.GetTimestamp();
        void* inside = (byte*)region.Address + request.Offset;
        bool isRead = request.Direction == TransferDirection.Read;
        Buffer.MemoryCopy(isRead ? inside : (void*)request.Memory, isRead ? (void*)request.Memory : inside, request.Length, request.Length);
        completions[0] = new BackendCompletion(request.Token, TransferStatus.Ok, SystemErrno: 0, request.Length, (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        count = 1;
        return TransferStatus.Ok;
    }

    public void Wake()
    {
        lock (_lock)
        {
            _isAwake = true;
            Monitor.Pulse(_lock);
        }
    }

    /// <summary>A copy is done before a cancel would pay.</summary>
    public void Cancel(ulong token)
    {
    }

    /// <summary>The region is its owner's.</summary>
    public void Dispose()
    {
    }

    private sealed class RegionFile(string path, long bytes) : TransferFile(path)
    {
        public override bool IsDirect => true;

        public override long FreeBytes => bytes;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
