using TeraIO.Core.Tiers;

namespace TeraIO.Core.Storage;

/// <summary>Counters of one path of a store since it was opened.</summary>
public sealed record PathStatistics
{
    /// <summary>The directory given in <see cref="StoreOptions.Paths"/>.</summary>
    public required string Path { get; init; }

    /// <summary>Whether it takes new bytes, as of the last placement.</summary>
    public PathState State { get; init; }

    /// <summary>The share of new bytes that it is to get, 0 to 1, as of the last placement.</summary>
    public double Share { get; init; }

    /// <summary>Bytes per second at which reads end while any is in flight; 0 while not known.</summary>
    public double ReadRate { get; init; }

    /// <summary>Bytes per second at which writes end while any is in flight; 0 while not known.</summary>
    public double WriteRate { get; init; }

    /// <summary>1 MiB chunks in flight at most.</summary>
    public int QueueDepth { get; init; }

    /// <summary><see cref="PathOptions.Capacity"/>.</summary>
    public ByteSize? CapacityLimit { get; init; }

    /// <summary><see cref="PathOptions.WriteLimit"/>.</summary>
    public ByteSize? WriteLimit { get; init; }

    /// <summary>Bytes of writes begun, padding and probes included: what counts against <see cref="WriteLimit"/> and wears the device.</summary>
    public ByteSize WrittenTowardsLimit { get; init; }

    /// <summary>Stripes that left this path on a rewrite because it had more than its share.</summary>
    public long Moves { get; init; }

    /// <summary>Probes of whether it has recovered.</summary>
    public long Probes { get; init; }

    /// <summary>Bytes of finished stripe reads, verified where verification is on.</summary>
    public ByteSize BytesRead { get; init; }

    /// <summary>Bytes of finished stripe writes, without padding.</summary>
    public ByteSize BytesWritten { get; init; }

    /// <summary>Finished stripe reads.</summary>
    public long Reads { get; init; }

    /// <summary>Finished stripe writes.</summary>
    public long Writes { get; init; }

    /// <summary>Attempts repeated after a transient error or a wrong checksum.</summary>
    public long Retries { get; init; }

    /// <summary>Attempts whose bytes had the wrong checksum.</summary>
    public long CorruptionsDetected { get; init; }

    /// <summary>Stripes moved to another extent because their own could not be written.</summary>
    public long Relocations { get; init; }

    /// <summary>Preallocated bytes.</summary>
    public ByteSize Capacity { get; init; }

    /// <summary>Bytes of reserved extents, padding included.</summary>
    public ByteSize Used { get; init; }

    /// <summary>Bytes of extents that failed to take a write and are not used again.</summary>
    public ByteSize Quarantined { get; init; }

    /// <summary>Whether transfers bypass the page cache (O_DIRECT).</summary>
    public bool Direct { get; init; }

    /// <summary>What moves the bytes, as it was chosen when the store was opened: not <see cref="StorageBackend.Auto"/> nor <see cref="StorageBackend.Device"/>.</summary>
    public StorageBackend Backend { get; init; }

    /// <summary>
    /// For device memory: the way that bytes are expected to take, and why; with <see cref="StorageBackend.Device"/> also why this backend was chosen. <see langword="null"/> for host memory and for <see cref="StorageBackend.Staged"/> by choice.
    /// </summary>
    public string? Route { get; init; }

    /// <summary>Free bytes of the file system when the store was opened.</summary>
    public ByteSize FreeAtOpen { get; init; }
}

/// <summary>A snapshot of a store's counters: the sum over its paths, each path, and the host tier.</summary>
public sealed record StoreStatistics
{
    internal StoreStatistics(IReadOnlyList<PathStatistics> paths)
    {
        Paths = paths;
        BytesRead = Sum(paths, static path => path.BytesRead);
        BytesWritten = Sum(paths, static path => path.BytesWritten);
        Reads = paths.Sum(static path => path.Reads);
        Writes = paths.Sum(static path => path.Writes);
        Retries = paths.Sum(static path => path.Retries);
        CorruptionsDetected = paths.Sum(static path => path.CorruptionsDetected);
        Relocations = paths.Sum(static path => path.Relocations);
        Capacity = Sum(paths, static path => path.Capacity);
        Used = Sum(paths, static path => path.Used);
        Quarantined = Sum(paths, static path => path.Quarantined);
    }

    /// <summary>The same per path, in the order of <see cref="StoreOptions.Paths"/>.</summary>
    public IReadOnlyList<PathStatistics> Paths { get; }

    /// <summary>The tier in front of the paths; <see langword="null"/> without <see cref="StoreOptions.HostMemory"/>. The sums below are of the paths alone.</summary>
    public HostTierStatistics? HostMemory { get; internal init; }

    /// <summary>cuFile's own counters, of the whole process; <see langword="null"/> without <see cref="CuFileOptions.CollectStatistics"/>, without a path that uses cuFile, and where libcufile has none.</summary>
    public CuFileStatistics? CuFile { get; internal init; }

    /// <summary>Who compares what is read with what was written, as found when the store was opened.</summary>
    public ReadVerification ReadVerification { get; internal init; }

    /// <summary>Why there are no checksums of the device's memory though they were not switched off; <see langword="null"/>: there are, or it is host memory.</summary>
    public string? UnverifiedBecause { get; internal init; }

    /// <inheritdoc cref="PathStatistics.BytesRead"/>
    public ByteSize BytesRead { get; }

    /// <inheritdoc cref="PathStatistics.BytesWritten"/>
    public ByteSize BytesWritten { get; }

    /// <inheritdoc cref="PathStatistics.Reads"/>
    public long Reads { get; }

    /// <inheritdoc cref="PathStatistics.Writes"/>
    public long Writes { get; }

    /// <inheritdoc cref="PathStatistics.Retries"/>
    public long Retries { get; }

    /// <inheritdoc cref="PathStatistics.CorruptionsDetected"/>
    public long CorruptionsDetected { get; }

    /// <inheritdoc cref="PathStatistics.Relocations"/>
    public long Relocations { get; }

    /// <inheritdoc cref="PathStatistics.Capacity"/>
    public ByteSize Capacity { get; }

    /// <inheritdoc cref="PathStatistics.Used"/>
    public ByteSize Used { get; }

    /// <inheritdoc cref="PathStatistics.Quarantined"/>
    public ByteSize Quarantined { get; }

    private static ByteSize Sum(IReadOnlyList<PathStatistics> paths, Func<PathStatistics, ByteSize> counter) =>
        new(paths.Sum(path => counter(path).Bytes));
}
