using Microsoft.Extensions.Logging;
using TeraIO.Core.Tiers;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>One path of a store: its directory, file, extents, limits and transfer engine. Extents and limits are guarded by the placement's lock.</summary>
internal sealed class StorePath : IDisposable
{
    private readonly StoreDirectory _directory;
    private readonly ITransferBackend _backend;
    private readonly ExtentAllocator _extents = new();
    private readonly PathOptions _options;
    private readonly ILogger _logger;
    private readonly long _capacityLimit;
    private readonly long _writeLimit;
    private long _quarantinedBytes;
    private long _relocations;
    private long _moves;
    private long _writtenTowardsLimit;
    private bool _isWornOut;

    public StorePath(
        string path, PathOptions options, long stripeBytes, StoreDirectory directory, ITransferBackend backend, TransferFile file, ILogger logger, bool movesDeviceMemory,
        DeviceChecksums? deviceChecksums)
    {
        Path = path;
        _options = options;
        _directory = directory;
        _backend = backend;
        _logger = logger;
        _capacityLimit = ExtentAllocator.RoundDown(options.Capacity?.Bytes ?? long.MaxValue);
        _writeLimit = options.WriteLimit?.Bytes ?? long.MaxValue;
        File = file;
        Condition = new PathCondition(stripeBytes);
        Engine = new TransferEngine(backend, path, TransferLimits.ForQueueDepth(options.QueueDepth!.Value), logger, Condition, deviceChecksums);
        Probe = new PathProbe(this, stripeBytes, verifies: !movesDeviceMemory);
    }

    /// <summary>As given in the options.</summary>
    public string Path { get; }

    public TransferFile File { get; }

    public TransferEngine Engine { get; }

    /// <summary>What its transfers tell of it.</summary>
    public PathCondition Condition { get; }

    public PathProbe Probe { get; }

    /// <summary>As the placement last judged it.</summary>
    public PathState State { get; private set; }

    /// <summary>Bytes that may yet be preallocated under <see cref="PathOptions.Capacity"/>.</summary>
    public long GrowthLeft => _capacityLimit - _extents.Capacity;

    /// <summary>Whether a limit on writes is set: writes are then counted before they begin, and not repeated.</summary>
    public bool HasWriteLimit => _writeLimit != long.MaxValue;

    public long AllocatedBytes => _extents.AllocatedBytes;

    public long LargestFree => _extents.LargestFree;

    public bool TryAllocate(long length, out long offset) => _extents.TryAllocate(length, out offset);

    public void Free(long offset) => _extents.Free(offset);

    /// <summary>The extent stays allocated for good: the device does not take writes there.</summary>
    public void Quarantine(long length) => _quarantinedBytes += ExtentAllocator.RoundUp(length);

    public void CountRelocation() => _relocations++;

    /// <summary>A stripe left this path because it had more than its share.</summary>
    public void CountMove() => _moves++;

    /// <summary>
    /// Counts a write of <paramref name="bytes"/> that is about to begin; <see langword="false"/>: it would pass the limit, and must go elsewhere. The first refusal ends
    /// the path's writes for good, so that its state does not depend on how large the next tensor is.
    /// </summary>
    public bool TryChargeWrite(long bytes)
    {
        long padded = ExtentAllocator.RoundUp(bytes);
        if (!_isWornOut && padded <= _writeLimit - _writtenTowardsLimit)
        {
            _writtenTowardsLimit += padded;
            return true;
        }
        if (!_isWornOut)
        {
            _isWornOut = true;
            SetState(PathState.WornOut);
        }
        return false;
    }

    /// <summary>A charged write will not happen.</summary>
    public void RefundWrite(long bytes) => _writtenTowardsLimit -= ExtentAllocator.RoundUp(bytes);

    /// <summary>Whether it still takes writes under its limit.</summary>
    public bool IsWornOut => _isWornOut;

    /// <summary>Notes what the placement found, and says so in one line when it changes.</summary>
    public void SetState(PathState state)
    {
        if (state == State)
            return;
        State = state;
        switch (state)
        {
            case PathState.WornOut:
                _logger.LogWarning(
                    "Path {Path} takes no more writes: {Written} of its write limit of {Limit} are used. It serves reads; new bytes go to the other paths",
                    Path, new ByteSize(_writtenTowardsLimit), new ByteSize(_writeLimit));
                break;
            case PathState.Failing:
                _logger.LogWarning("Path {Path} failed several transfers in a row: new bytes go elsewhere until a probe succeeds. Check the device and the kernel log", Path);
                break;
            case PathState.Slow:
                _logger.LogInformation("Path {Path} became too slow to be of use: new bytes go elsewhere until it is faster", Path);
                break;
            default:
                _logger.LogInformation("Path {Path} takes its share of new bytes again", Path);
                break;
        }
    }

    /// <summary>Preallocates <paramref name="bytes"/> more.</summary>
    public TransferStatus Grow(long bytes, out string? reason)
    {
        if (bytes > GrowthLeft)
        {
            reason = $"its PathOptions.Capacity is {new ByteSize(_capacityLimit)}";
            return TransferStatus.Full;
        }
        var status = _backend.Allocate(File, _extents.Capacity + bytes, out reason);
        if (status == TransferStatus.Ok)
            _extents.GrowTo(_extents.Capacity + bytes);
        return status;
    }

    public PathStatistics Snapshot(long now, double share) => new()
    {
        State = State,
        Share = share,
        ReadRate = Condition.Reads.Rate(now),
        WriteRate = Condition.Writes.Rate(now),
        QueueDepth = _options.QueueDepth!.Value,
        CapacityLimit = _options.Capacity,
        WriteLimit = _options.WriteLimit,
        WrittenTowardsLimit = new ByteSize(_writtenTowardsLimit),
        Moves = _moves,
        Probes = Probe.Probes,
        Path = Path,
        BytesRead = new ByteSize(Engine.Counters.BytesRead),
        BytesWritten = new ByteSize(Engine.Counters.BytesWritten),
        Reads = Engine.Counters.Reads,
        Writes = Engine.Counters.Writes,
        Retries = Engine.Counters.Retries,
        CorruptionsDetected = Engine.Counters.Corruptions,
        Relocations = _relocations,
        Capacity = new ByteSize(_extents.Capacity),
        Used = new ByteSize(_extents.AllocatedBytes - _quarantinedBytes - Probe.HeldBytes),
        Quarantined = new ByteSize(_quarantinedBytes),
        Direct = File.IsDirect,
        Backend = File.Backend,
        Route = File.Route,
        FreeAtOpen = new ByteSize(File.FreeBytes),
    };

    /// <summary>Drains the engine; the file and the directory go only after the last transfer.</summary>
    public void Dispose()
    {
        Engine.Dispose();
        Probe.Free();
        File.Dispose();
        _directory.Dispose();
    }
}
