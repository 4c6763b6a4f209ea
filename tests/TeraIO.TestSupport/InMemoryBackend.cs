using System.Diagnostics;
using TeraIO.Core.Transfers;

namespace TeraIO.TestSupport;

/// <summary>
/// Test double: files in memory. Requests run when submitted, or, while <see cref="IsPaused"/>, when the test says so. Thread-safe.
/// </summary>
internal sealed class InMemoryBackend(long capacity = long.MaxValue) : ITransferBackend
{
    private readonly object _lock = new();

    // With room from the start, so that tests can count what the code above allocates.
    private readonly Queue<BackendCompletion> _completions = new(1024);
    private readonly List<BackendRequest> _paused = new(1024);
    private long _allocated;
    private bool _isAwake;
    private bool _isDisposed;

    public string Name => "memory";

    /// <summary>Hold requests until <see cref="RunPaused"/>.</summary>
    public bool IsPaused { get; set; }

    /// <summary>How many further submissions are refused as busy.</summary>
    public int BusyAnswers { get; set; }

    /// <summary>What <see cref="Wait"/> reports instead of waiting for ever, once set and woken.</summary>
    public TransferStatus WaitFailure { get; set; }

    /// <summary>Every accepted request, in order.</summary>
    public List<BackendRequest> Accepted { get; } = new(1024);

    /// <summary>The thread of each of them, by <see cref="Environment.CurrentManagedThreadId"/>.</summary>
    public List<int> Submitters { get; } = new(1024);

    public TransferFile CreateFile(string path) => new MemoryFile(path, capacity);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason)
    {
        lock (_lock)
        {
            var memory = (MemoryFile)file;
            long added = Math.Max(0, size - memory.Bytes.LongLength);
            reason = _allocated + added > capacity ? "no space left in memory" : null;
            if (reason is not null)
                return TransferStatus.Full;
            _allocated += added;
            memory.Grow(size);
            return TransferStatus.Ok;
        }
    }

    public TransferStatus Submit(in BackendRequest request)
    {
        lock (_lock)
        {
            if (_isDisposed)
                return TransferStatus.Closed;
            if (BusyAnswers > 0)
            {
                BusyAnswers--;
                return TransferStatus.Busy;
            }
            Accepted.Add(request);
            Submitters.Add(Environment.CurrentManagedThreadId);
            if (IsPaused)
                _paused.Add(request);
            else
                Run(request);
            Monitor.PulseAll(_lock);
            return TransferStatus.Ok;
        }
    }

    /// <summary>Runs what is held, oldest first; <see langword="false"/> when nothing was.</summary>
    public bool RunPaused()
    {
        lock (_lock)
        {
            bool any = _paused.Count > 0;
            foreach (var request in _paused)
                Run(request);
            _paused.Clear();
            Monitor.PulseAll(_lock);
            return any;
        }
    }

    /// <summary>Blocks until this many requests have been accepted.</summary>
    public void AwaitAccepted(int count)
    {
        lock (_lock)
        {
            while (Accepted.Count < count)
                Monitor.Wait(_lock);
        }
    }

    /// <summary>Delivers a completion that nobody asked for.</summary>
    public void Inject(BackendCompletion completion)
    {
        lock (_lock)
        {
            _completions.Enqueue(completion);
            Monitor.PulseAll(_lock);
        }
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        lock (_lock)
        {
            while (_completions.Count == 0 && !_isAwake)
                Monitor.Wait(_lock);
            _isAwake = false;
            count = 0;
            while (count < completions.Length && _completions.TryDequeue(out var completion))
                completions[count++] = completion;
            return WaitFailure;
        }
    }

    public void Wake()
    {
        lock (_lock)
        {
            _isAwake = true;
            Monitor.PulseAll(_lock);
        }
    }

    public void Cancel(ulong token)
    {
        lock (_lock)
        {
            int held = _paused.FindIndex(request => request.Token == token);
            if (held < 0)
                return;
            _paused.RemoveAt(held);
            _completions.Enqueue(new BackendCompletion(token, TransferStatus.Canceled, SystemErrno: 0, Bytes: 0, LatencyNanoseconds: 0));
            Monitor.PulseAll(_lock);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            Debug.Assert(_paused.Count == 0 || WaitFailure != TransferStatus.Ok, "an engine drains before it disposes its backend");
            _isDisposed = true;
        }
    }

    private unsafe void Run(in BackendRequest request)
    {
        var file = (MemoryFile)request.File;
        var memory = new Span<byte>((void*)request.Memory, checked((int)request.Length));
        var status = TransferStatus.Ok;
        if (request.Direction == TransferDirection.Write)
        {
            file.Grow(request.Offset + request.Length);
            memory.CopyTo(file.Bytes.AsSpan((int)request.Offset));
        }
        else if (request.Offset + request.Length > file.Bytes.LongLength)
        {
            status = TransferStatus.ShortTransfer;
        }
        else
        {
            file.Bytes.AsSpan((int)request.Offset, memory.Length).CopyTo(memory);
        }
        _completions.Enqueue(new BackendCompletion(
            request.Token, status, SystemErrno: 0, status == TransferStatus.Ok ? request.Length : 0, LatencyNanoseconds: 0));
    }

    private sealed class MemoryFile(string path, long capacity) : TransferFile(path)
    {
        public byte[] Bytes { get; private set; } = [];

        public override bool IsDirect => false;

        public override long FreeBytes => capacity;

        public void Grow(long size)
        {
            if (size <= Bytes.LongLength)
                return;
            var grown = new byte[size];
            Bytes.CopyTo(grown, 0);
            Bytes = grown;
        }

        protected override void Dispose(bool disposing) => Bytes = [];
    }
}
