using System.Diagnostics;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Transfers;

/// <summary>
/// Holds completions back until the <see cref="EmulatedDevice"/> would have ended them: one request after the other per direction, in order of
/// submission, each at the device's bandwidth.
/// </summary>
internal sealed class ThrottledBackend : ITransferBackend
{
    private readonly ITransferBackend _inner;
    private volatile EmulatedDevice _device;
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, long> _dueOf = [];                        // Stopwatch timestamps by token
    private readonly PriorityQueue<BackendCompletion, long> _held = new();       // by due time
    private readonly AutoResetEvent _heldChanged = new(initialState: false);
    private readonly Thread _timer;
    private long _readsEnd;
    private long _writesEnd;
    private volatile bool _isStopping;

    /// <param name="inner">Does the work; owned.</param>
    /// <param name="device">Sets the pace.</param>
    public ThrottledBackend(ITransferBackend inner, EmulatedDevice device)
    {
        _inner = inner;
        _device = device;
        _timer = new Thread(RunTimer) { IsBackground = true, Name = "TeraIO emulated device" };
        _timer.Start();
    }

    public string Name => $"{_inner.Name}, emulating {Device.ReadBandwidth / 1e6:F0} MB/s reads and {Device.WriteBandwidth / 1e6:F0} MB/s writes";

    /// <summary>Sets the pace of what is submitted from now on.</summary>
    public EmulatedDevice Device
    {
        get => _device;
        set => _device = value;
    }

    public TransferFile CreateFile(string path) => _inner.CreateFile(path);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => _inner.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request)
    {
        bool isRead = request.Direction == TransferDirection.Read;
        long ticks = (long)(request.Length / (isRead ? _device.ReadBandwidth : _device.WriteBandwidth) * Stopwatch.Frequency);
        lock (_lock)
        {
            ref long end = ref isRead ? ref _readsEnd : ref _writesEnd;
            long before = end;
            end = Math.Max(end, Stopwatch.GetTimestamp()) + ticks;
            // Before the inner backend has it: the completion may come at once.
            _dueOf[request.Token] = end;
            TransferStatus status = _inner.Submit(request);
            if (status == TransferStatus.Ok) return status;
            end = before;
            _dueOf.Remove(request.Token);
            return status;
        }
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        count = TakeDue(completions);
        if (count > 0) return TransferStatus.Ok;
        TransferStatus status = _inner.Wait(completions, out int arrived);
        lock (_lock)
        {
            foreach (ref readonly BackendCompletion completion in completions[..arrived])
            {
                _dueOf.Remove(completion.Token, out long due);
                _held.Enqueue(completion, due);
            }
        }

        if (arrived > 0) _heldChanged.Set();
        count = TakeDue(completions);
        return status;
    }

    public void Wake() => _inner.Wake();

    public void Cancel(ulong token) => _inner.Cancel(token);

    public void Dispose()
    {
        _isStopping = true;
        _heldChanged.Set();
        _timer.Join();
        _heldChanged.Dispose();
        _inner.Dispose();
    }

    private int TakeDue(Span<BackendCompletion> completions)
    {
        int count = 0;
        lock (_lock)
        {
            long now = Stopwatch.GetTimestamp();
            while (count < completions.Length && _held.TryPeek(out _, out long due) && due <= now) completions[count++] = _held.Dequeue();
        }

        return count;
    }

    /// <summary>Makes the waiting thread look again when the next completion is due.</summary>
    private void RunTimer()
    {
        while (!_isStopping)
        {
            bool isHolding;
            TimeSpan left;
            lock (_lock)
            {
                isHolding = _held.TryPeek(out _, out long due);
                // Late by one millisecond is a TimeSpan equal to Timeout.InfiniteTimeSpan: nothing may be told by that value.
                left = isHolding ? Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) : TimeSpan.Zero;
            }

            if (!isHolding)
            {
                _heldChanged.WaitOne();
                continue;
            }

            if (left > TimeSpan.Zero) _heldChanged.WaitOne(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)));
            if (HasDue()) _inner.Wake();
            if (left <= TimeSpan.Zero) _heldChanged.WaitOne(1); // the waiter has not taken it yet
        }
    }

    private bool HasDue()
    {
        lock (_lock) return _held.TryPeek(out _, out long due) && due <= Stopwatch.GetTimestamp();
    }
}
