namespace TeraIO.Cli.Bench;

/// <summary>Values of <see cref="BenchCell.Backend"/> that are no backend but what stands beside them.</summary>
internal static class BenchNames
{
    /// <summary>A plain loop of pread and pwrite: the disk alone.</summary>
    public const string Disk = "raw";

    /// <summary>Copies between pinned memory and the GPU: the link alone.</summary>
    public const string Copy = "copy";

    /// <summary>A plain loop that moves device memory: pread and then a copy, or a copy and then pwrite, one request after the other on each thread.</summary>
    public const string Loop = "loop";

    public static bool IsBackend(string name) => name is not (Disk or Copy or Loop);
}
