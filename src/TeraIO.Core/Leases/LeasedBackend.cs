using TeraIO.Core.Transfers;

namespace TeraIO.Core.Leases;

/// <summary>
/// Lets transfers reach a device only under a lease: what has none waits here, by priority and arrival, so that nobody who submits is blocked. Requests that
/// the inner backend refuses after they waited end with that status.
/// </summary>
internal sealed class LeasedBackend : ITransferBackend, ILeaseUser
{
    private readonly ITransferBackend _inner;
    private readonly Direction _reads;
    private readonly Direction _writes;
    private readonly Lock _lock = new(); // taken before a client's, never after
    private readonly Dictionary<ulong, LeaseClient> _inFlight = [];
    private readonly Queue<BackendCompletion> _ended = new(); // without the inner backend
    private long _lastArrival;
    private bool _writesFirst;

    private sealed class Direction(LeaseClient client)
    {
        public LeaseClient Client { get; } = client;

        public PriorityQueue<BackendRequest, (int Priority, long Arrival)> Waiting { get; } = new();
    }

    /// <param name="inner">Does the work; owned.</param>
    /// <param name="reads">Leases for reads; not owned.</param>
    /// <param name="writes">Leases for writes; may be the same.</param>
    public LeasedBackend(ITransferBackend inner, LeaseClient reads, LeaseClient writes)
    {
        _inner = inner;
        _reads = new Direction(reads);
        _writes = new Direction(writes);
        reads.Attach(this);
        if (writes != reads) writes.Attach(this);
    }

    public string Name => $"{_inner.Name}, leased";

    public TransferFile CreateFile(string path) => _inner.CreateFile(path);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => _inner.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request)
    {
        Direction direction = request.Direction == TransferDirection.Read ? _reads : _writes;
        lock (_lock)
        {
            if (direction.Client.TryBegin(request.Length, wasWaiting: false)) return Begin(direction.Client, request);
            direction.Waiting.Enqueue(request, (request.Priority, _lastArrival++));
            return TransferStatus.Ok;
        }
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        // Whoever waits has begun all that the last completions made room for.
        _reads.Client.CloseIfIdle();
        _writes.Client.CloseIfIdle();
        count = TakeEnded(completions);
        if (count > 0) return TransferStatus.Ok;
        TransferStatus status = _inner.Wait(completions, out count);
        lock (_lock)
        {
            foreach (ref readonly BackendCompletion completion in completions[..count])
            {
                if (_inFlight.Remove(completion.Token, out LeaseClient? client)) client.End();
            }
        }

        count += TakeEnded(completions[count..]);
        return status;
    }

    public void Wake() => _inner.Wake();

    public void Cancel(ulong token)
    {
        lock (_lock)
        {
            if (TryWithdraw(_reads, token) || TryWithdraw(_writes, token))
            {
                _ended.Enqueue(new BackendCompletion(token, TransferStatus.Canceled, SystemErrno: 0, Bytes: 0, LatencyNanoseconds: 0));
                _inner.Wake();
                return;
            }
        }

        _inner.Cancel(token);
    }

    public void OnGranted()
    {
        lock (_lock)
        {
            // Under one lease for both, neither direction may take all of its bytes every time.
            _writesFirst = !_writesFirst;
            bool hasEnded = BeginWaiting(_writesFirst ? _writes : _reads);
            hasEnded |= BeginWaiting(_writesFirst ? _reads : _writes);
            if (hasEnded) _inner.Wake();
        }
    }

    public void Dispose()
    {
        _reads.Client.Detach(this);
        _writes.Client.Detach(this);
        lock (_lock)
        {
            foreach (Direction direction in (ReadOnlySpan<Direction>)[_reads, _writes])
            {
                for (; direction.Waiting.Count > 0; direction.Waiting.Dequeue()) direction.Client.Withdraw();
            }
        }

        _inner.Dispose();
        // A broken backend has let go of the memory without completions.
        lock (_lock)
        {
            foreach (LeaseClient client in _inFlight.Values) client.End();
            _inFlight.Clear();
        }

        _reads.Client.CloseIfIdle();
        _writes.Client.CloseIfIdle();
    }

    private static bool TryWithdraw(Direction direction, ulong token)
    {
        foreach ((BackendRequest request, _) in direction.Waiting.UnorderedItems)
        {
            if (request.Token != token) continue;
            direction.Waiting.Remove(request, out _, out _);
            direction.Client.Withdraw();
            return true;
        }

        return false;
    }

    /// <returns>Whether a request ended at once.</returns>
    private bool BeginWaiting(Direction direction)
    {
        bool hasEnded = false;
        while (direction.Waiting.TryPeek(out BackendRequest request, out _) && direction.Client.TryBegin(request.Length, wasWaiting: true))
        {
            direction.Waiting.Dequeue();
            TransferStatus status = Begin(direction.Client, request);
            if (status == TransferStatus.Ok) continue;
            _ended.Enqueue(new BackendCompletion(request.Token, status, SystemErrno: 0, Bytes: 0, LatencyNanoseconds: 0));
            hasEnded = true;
        }

        return hasEnded;
    }

    private TransferStatus Begin(LeaseClient client, in BackendRequest request)
    {
        _inFlight.Add(request.Token, client); // before the inner backend has it: the completion may come at once
        TransferStatus status = _inner.Submit(request);
        if (status == TransferStatus.Ok) return status;
        _inFlight.Remove(request.Token);
        client.End();
        return status;
    }

    private int TakeEnded(Span<BackendCompletion> completions)
    {
        int count = 0;
        lock (_lock)
        {
            while (count < completions.Length && _ended.TryDequeue(out BackendCompletion completion)) completions[count++] = completion;
        }

        return count;
    }
}
