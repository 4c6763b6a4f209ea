using TeraIO.Core.Storage;

namespace TeraIO.Cli.Bench;

/// <summary>What to sweep.</summary>
internal sealed record BenchSettings
{
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>Multiples of 4096.</summary>
    public IReadOnlyList<long> RequestBytes { get; init; } = [128 << 10, 1 << 20, 8 << 20];

    public IReadOnlyList<int> QueueDepths { get; init; } = [1, 4, 16];

    /// <summary>Of one kind of memory. They work here.</summary>
    public required IReadOnlyList<StorageBackend> Backends { get; init; }

    /// <summary>Whether they move a GPU's memory.</summary>
    public bool MovesDeviceMemory => Backends.Any(StoreOptions.IsForDeviceMemory);

    /// <summary>Ordinal of the GPU whose memory moves.</summary>
    public int Gpu { get; init; }

    public IReadOnlyList<BenchDirection> Directions { get; init; } = [BenchDirection.Read, BenchDirection.Write, BenchDirection.Mixed];

    /// <summary>Of each measurement.</summary>
    public double Seconds { get; init; } = 0.5;

    /// <summary>Bytes of the file in each path: one half is read, the other written.</summary>
    public long FileBytes { get; init; } = 1L << 30;

    /// <summary>Requests that fit into each half of the file; the file grows where they are fewer than are in flight.</summary>
    public long Blocks(long requestBytes, int depth) => Math.Max(depth, FileBytes / 2 / requestBytes);

    /// <summary>Measurements of one backend.</summary>
    public int Cells => Paths.Count * RequestBytes.Count * QueueDepths.Count * Directions.Count;
}
