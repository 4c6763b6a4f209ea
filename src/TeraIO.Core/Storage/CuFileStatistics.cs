namespace TeraIO.Core.Storage;

/// <summary>cuFile's counters since its driver opened, of all stores of this process together. They are cuFile's own: one transfer of a store may be several of its reads or writes.</summary>
public sealed record CuFileStatistics
{
    /// <summary>Reads that ended well.</summary>
    public required long Reads { get; init; }

    /// <summary>Reads that failed.</summary>
    public required long FailedReads { get; init; }

    /// <summary>Bytes read.</summary>
    public required ByteSize BytesRead { get; init; }

    /// <summary>Writes that ended well.</summary>
    public required long Writes { get; init; }

    /// <summary>Writes that failed.</summary>
    public required long FailedWrites { get; init; }

    /// <summary>Bytes written.</summary>
    public required ByteSize BytesWritten { get; init; }

    /// <summary>Reads and writes that went by the kernel's peer-to-peer support.</summary>
    public required long ThroughPciP2pDma { get; init; }

    /// <summary>Reads and writes that nvidia-fs arranged.</summary>
    public required long ThroughNvidiaFs { get; init; }

    /// <summary>Reads and writes that went through the host's memory: where this is not 0, GPUDirect Storage is not what moves the bytes.</summary>
    public required long ThroughHostMemory { get; init; }
}
