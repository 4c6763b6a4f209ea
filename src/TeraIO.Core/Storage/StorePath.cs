using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>One path of a store: its directory, file, extents and transfer engine. Extents are guarded by the store's lock.</summary>
internal sealed class StorePath : IDisposable
{
    private readonly StoreDirectory _directory;
    private readonly ITransferBackend _backend;
    private readonly ExtentAllocator _extents = new();
    private long _quarantinedBytes;
    private long _relocations;

    public StorePath(string path, StoreDirectory directory, ITransferBackend backend, TransferFile file, TransferEngine engine)
    {
        Path = path;
        _directory = directory;
        _backend = backend;
        File = file;
        Engine = engine;
    }

    /// <summary>As given in the options.</summary>
    public string Path { get; }

    public TransferFile File { get; }

    public TransferEngine Engine { get; }

    public long AllocatedBytes => _extents.AllocatedBytes;

    public long LargestFree => _extents.LargestFree;

    public bool TryAllocate(long length, out long offset) => _extents.TryAllocate(length, out offset);

    public void Free(long offset) => _extents.Free(offset);

    /// <summary>The extent stays allocated for good: the device does not take writes there.</summary>
    public void Quarantine(long length) => _quarantinedBytes += ExtentAllocator.RoundUp(length);

    public void CountRelocation() => _relocations++;

    /// <summary>Preallocates <paramref name="bytes"/> more.</summary>
    public TransferStatus Grow(long bytes, out string? reason)
    {
        var status = _backend.Allocate(File, _extents.Capacity + bytes, out reason);
        if (status == TransferStatus.Ok)
            _extents.GrowTo(_extents.Capacity + bytes);
        return status;
    }

    public PathStatistics Snapshot() => new()
    {
        Path = Path,
        BytesRead = new ByteSize(Engine.Counters.BytesRead),
        BytesWritten = new ByteSize(Engine.Counters.BytesWritten),
        Reads = Engine.Counters.Reads,
        Writes = Engine.Counters.Writes,
        Retries = Engine.Counters.Retries,
        CorruptionsDetected = Engine.Counters.Corruptions,
        Relocations = _relocations,
        Capacity = new ByteSize(_extents.Capacity),
        Used = new ByteSize(_extents.AllocatedBytes - _quarantinedBytes),
        Quarantined = new ByteSize(_quarantinedBytes),
        Direct = File.IsDirect,
        FreeAtOpen = new ByteSize(File.FreeBytes),
    };

    /// <summary>Drains the engine; the file and the directory go only after the last transfer.</summary>
    public void Dispose()
    {
        Engine.Dispose();
        File.Dispose();
        _directory.Dispose();
    }
}
