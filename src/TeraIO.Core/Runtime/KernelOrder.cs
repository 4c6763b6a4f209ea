using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>
/// Orders the transfers of a session on a CUDA device against its kernels, which run later than the ops that launch them: a transfer begins after a fence that is recorded
/// behind all that was launched so far. Thread-safe, but for <see cref="Dispose"/>. Where ops are done when they end there is none.
/// </summary>
/// <remarks>Fences stand for work in one stream. An op that launches into a second one would not be waited for, so that it is refused (<see cref="Enter"/>).</remarks>
internal sealed class KernelOrder : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Func<nint> _currentStream;
    private readonly Stack<TransferFence> _idle = new();
    private nint? _stream;
    private int _fencesInUse;
    private long _fencesRecorded;
    private bool _isDisposed;

    /// <param name="device">Ordinal of the CUDA device.</param>
    /// <param name="currentStream">The calling thread's current stream on that device, a <c>CUstream</c>.</param>
    /// <param name="readWaits">Who waits for bytes that an op needs.</param>
    /// <exception cref="ConfigurationException">There is no such device, or no CUDA driver.</exception>
    public KernelOrder(int device, Func<nint> currentStream, ReadWaits readWaits = ReadWaits.OnHost)
    {
        ReadWaits = readWaits;
        Device = new FenceDevice(device);
        _currentStream = currentStream;
    }

    /// <summary>Owned; for those that measure on it.</summary>
    public FenceDevice Device { get; }

    /// <summary>Who waits for bytes that an op needs.</summary>
    public ReadWaits ReadWaits { get; }

    /// <summary>The session's stream: that of the first op. Before one it is that of the thread that asks first.</summary>
    public nint Stream
    {
        get
        {
            lock (_lock) return _stream ??= _currentStream();
        }
    }

    /// <summary>Fences of transfers that have not ended.</summary>
    public int FencesInUse
    {
        get
        {
            lock (_lock) return _fencesInUse;
        }
    }

    /// <summary>Transfers that were put behind kernels so far.</summary>
    public long FencesRecorded
    {
        get
        {
            lock (_lock) return _fencesRecorded;
        }
    }

    /// <summary>Fences that wait to be used again.</summary>
    public int IdleFences
    {
        get
        {
            lock (_lock) return _idle.Count;
        }
    }

    /// <summary>An op with tensors of the device is about to launch kernels from the calling thread.</summary>
    /// <returns>Null, or why it must not: it would launch into another stream than the ops before it.</returns>
    public TeraIOException? Enter(string opName)
    {
        nint current = _currentStream();
        nint own;
        lock (_lock) own = _stream ??= current;
        if (current == own) return null;
        return new ConfigurationException(
            $"{opName} runs on the CUDA stream {Describe(current)}, but this session's ops began on {Describe(own)}: transfers are ordered against the kernels of one stream only, and could move bytes "
            + "that the other still works on. Nothing is offloaded any more. Run the whole training, data preparation on the device included, on one stream: set no stream of its own on any thread.");
    }

    /// <summary>A fence behind the kernels that were launched so far; <see cref="Return"/> it when the transfer that comes after it has ended.</summary>
    /// <exception cref="TeraIOException">The driver refused.</exception>
    public TransferFence AfterLaunched()
    {
        nint stream = Stream;
        TransferFence fence = Take(fence => fence.Record(stream));
        lock (_lock) _fencesRecorded++;
        return fence;
    }

    /// <summary>A fence that one transfer will signal; <see cref="Return"/> it when that has ended and was looked at.</summary>
    /// <exception cref="TeraIOException">The driver refused.</exception>
    public TransferFence Armed() => Take(static fence => fence.Arm());

    /// <summary>The transfer has ended, its last try too: recording or arming the fence anew from here on changes nothing for it.</summary>
    public void Return(TransferFence fence)
    {
        lock (_lock)
        {
            _fencesInUse--;
            if (!_isDisposed)
            {
                _idle.Push(fence);
                return;
            }
        }

        fence.Dispose();
    }

    /// <summary>Last, when no transfer is in flight.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            while (_idle.TryPop(out TransferFence? fence)) fence.Dispose();
        }

        Device.Dispose();
    }

    private TransferFence Take(Action<TransferFence> set)
    {
        TransferFence? fence;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _fencesInUse++;
            _idle.TryPop(out fence);
        }

        try
        {
            fence ??= Device.CreateFence();
            set(fence);
            return fence;
        }
        catch
        {
            fence?.Dispose();
            lock (_lock) _fencesInUse--;
            throw;
        }
    }

    private static string Describe(nint stream) => stream == 0 ? "0 (the default stream)" : $"0x{stream:x}";
}
