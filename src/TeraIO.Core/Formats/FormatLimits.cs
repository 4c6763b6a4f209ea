namespace TeraIO.Core.Formats;

/// <summary>
/// How much a trace or plan file may ask of the reader. Everything beyond is refused while it is being read, so that memory stays bounded whatever
/// the file says. The defaults hold about ten times the largest trace known (100,000 ops) and cost about 1 GB of memory when exhausted.
/// </summary>
public sealed record FormatLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static FormatLimits Default { get; } = new();

    /// <summary>Bytes of the file, after decompression.</summary>
    public long Bytes { get; init; } = 1L << 30;

    /// <summary>Ops of a trace (or nodes of an imported one).</summary>
    public int Ops { get; init; } = 2_000_000;

    /// <summary>Tensors of a trace.</summary>
    public int Tensors { get; init; } = 2_000_000;

    /// <summary>Accesses of all ops together; of an imported file, tensors that its nodes name or values that it holds.</summary>
    public int Accesses { get; init; } = 16_000_000;

    /// <summary>Migrations of a plan.</summary>
    public int Migrations { get; init; } = 4_000_000;

    /// <summary>Bytes of one name, in UTF-8.</summary>
    public int NameBytes { get; init; } = 4096;

    /// <summary>Bytes of all different names together, in UTF-8.</summary>
    public long TextBytes { get; init; } = 128L << 20;

    /// <summary>Objects and arrays within each other.</summary>
    public int Depth { get; init; } = 16;
}
