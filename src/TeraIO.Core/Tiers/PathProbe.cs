using System.Diagnostics;
using System.Runtime.InteropServices;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tiers;

/// <summary>
/// Finds out whether a path that gets no new bytes has recovered: writes bytes that belong to no tensor to an extent of its own, reads them back, and
/// tells the path's condition. Nobody waits for it, and nothing is lost if it fails. Started by the store's traffic, at most once per pause; a
/// failure doubles the pause.
/// </summary>
internal sealed unsafe class PathProbe : ITransferOwner
{
    internal static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(250);
    internal static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>Of the bytes written, beside every tensor's.</summary>
    private const long TensorId = long.MinValue;

    private readonly StorePath _path;
    private readonly long _bytes;
    private readonly bool _verifies;
    private readonly Transfer _transfer;
    private readonly Lock _lock = new();
    private byte* _memory;
    private long _offset = -1;
    private TimeSpan _pause = ShortestPause;
    private long _nextStart;
    private long _started;
    private double _writeRate;
    private bool _isRunning;
    private bool _movesOn;
    private long _probes;

    /// <param name="path">Probed; guarded by the placement's lock.</param>
    /// <param name="bytes">As large as a stripe, for a rate that tells of stripes.</param>
    /// <param name="verifies">What comes back is compared: the path's engine computes checksums of host memory, which the probe's is.</param>
    public PathProbe(StorePath path, long bytes, bool verifies)
    {
        _verifies = verifies;
        _path = path;
        _bytes = bytes;
        _transfer = new Transfer(this, 0);
    }

    /// <summary>Probes begun so far.</summary>
    public long Probes => Interlocked.Read(ref _probes);

    /// <summary>Of its own extent, which no tensor uses; under the placement's lock.</summary>
    public long HeldBytes => _offset < 0 ? 0 : ExtentAllocator.RoundUp(_bytes);

    /// <summary>Starts one if none is running and the pause is over. Called under the placement's lock.</summary>
    public void TryStart(long now)
    {
        lock (_lock)
        {
            if (_isRunning || now < _nextStart)
                return;
            if (!TryTakeExtent() || !_path.TryChargeWrite(_bytes))
            {
                SetPause(now);
                return;
            }
            _isRunning = true;
        }
        Interlocked.Increment(ref _probes);
        if (_memory == null)
            _memory = (byte*)NativeMemory.AlignedAlloc((nuint)_bytes, StoreOptions.BlockBytes);
        NativeMemory.Fill(_memory, (nuint)_bytes, 0xA5);
        Start(TransferDirection.Write, now);
    }

    /// <inheritdoc/>
    public void OnCompleted(Transfer transfer)
    {
        long now = Stopwatch.GetTimestamp();
        double rate = _bytes / Math.Max(1e-9, Stopwatch.GetElapsedTime(_started, now).TotalSeconds);
        bool isOk = transfer.Status == TransferStatus.Ok;
        if (isOk && transfer.Direction == TransferDirection.Write)
        {
            _writeRate = rate;
            NativeMemory.Clear(_memory, (nuint)_bytes);
            Start(TransferDirection.Read, now);
            return;
        }
        if (isOk)
        {
            _path.Condition.NoteRecovery();
            AdoptFaster(_path.Condition.Writes, _writeRate, now);
            AdoptFaster(_path.Condition.Reads, rate, now);
        }
        lock (_lock)
        {
            _pause = isOk ? ShortestPause : TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, 2 * _pause.Ticks));
            _movesOn = !isOk;
            SetPause(now);
            _isRunning = false;
        }
    }

    /// <summary>After the path's engine has drained.</summary>
    public void Free()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    /// <summary>Whatever made the last probe fail may be its extent alone: the next uses another.</summary>
    private bool TryTakeExtent()
    {
        if (_movesOn)
        {
            _path.Quarantine(_bytes);
            _offset = -1;
            _movesOn = false;
        }
        return _offset >= 0 || _path.TryAllocate(ExtentAllocator.RoundUp(_bytes), out _offset) || NoExtent();
    }

    private bool NoExtent()
    {
        _offset = -1;
        return false;
    }

    private void SetPause(long now) => _nextStart = now + (long)(_pause.TotalSeconds * Stopwatch.Frequency);

    private void Start(TransferDirection direction, long now)
    {
        _started = now;
        _transfer.Direction = direction;
        _transfer.File = _path.File;
        _transfer.Memory = (nint)_memory;
        _transfer.Offset = _offset;
        _transfer.Length = _bytes;
        _transfer.Priority = TransferPriority.Background;
        _transfer.RetriesLeft = 0;
        _transfer.ChecksumSeed = StripeChecksum.Seed(TensorId, (uint)_probes, 0);
        _transfer.VerifiesChecksum = _verifies;
        _transfer.KeepsChecksum = !_verifies;
        try
        {
            _path.Engine.Start(_transfer);
        }
        catch (ObjectDisposedException)
        {
            // The store closes: the path's condition is of no interest any more.
        }
    }

    /// <summary>One transfer at a time sees a rate that a full queue may exceed: a slower finding says nothing.</summary>
    private static void AdoptFaster(RateMeter meter, double rate, long now)
    {
        if (rate > meter.Rate(now))
            meter.Adopt(rate);
    }
}
