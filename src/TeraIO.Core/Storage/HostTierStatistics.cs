namespace TeraIO.Core.Storage;

/// <summary>Counters of a store's host tier since it was opened. Bytes are of tensors, without padding, where nothing else is said.</summary>
public sealed record HostTierStatistics
{
    /// <summary>Limit on <see cref="Resident"/>.</summary>
    public ByteSize Budget { get; init; }

    /// <summary><see cref="HostMemoryOptions.Mode"/>.</summary>
    public HostMemoryMode Mode { get; init; }

    /// <summary>Whether the memory is pinned for CUDA.</summary>
    public bool IsPinned { get; init; }

    /// <summary>Bytes in use now, padding to 4096 bytes included.</summary>
    public ByteSize Resident { get; init; }

    /// <summary>Highest <see cref="Resident"/> so far.</summary>
    public ByteSize Peak { get; init; }

    /// <summary>Bytes written to host memory.</summary>
    public ByteSize BytesIn { get; init; }

    /// <summary>Bytes read from host memory.</summary>
    public ByteSize BytesOut { get; init; }

    /// <summary>Tensors read from host memory.</summary>
    public long Hits { get; init; }

    /// <summary>Tensors read from the paths, because host memory did not have them.</summary>
    public long Misses { get; init; }

    /// <summary>Tensors written to the paths directly, because host memory had no room or was not meant for them.</summary>
    public long Bypasses { get; init; }

    /// <summary>Tensors copied from host memory to the paths.</summary>
    public long Spills { get; init; }

    /// <summary>Their bytes.</summary>
    public ByteSize BytesSpilled { get; init; }

    /// <summary>Spills that failed on every path; the bytes stayed in host memory.</summary>
    public long FailedSpills { get; init; }

    /// <summary>What the last of them said; <see langword="null"/> when there was none.</summary>
    public string? LastSpillFailure { get; init; }

    /// <summary>Copies that left host memory without I/O to make room, because the paths had the bytes or nobody needed them.</summary>
    public long Drops { get; init; }
}
