namespace TeraIO.Cli.Bench;

/// <summary>What moves at once.</summary>
internal enum BenchDirection
{
    Read,
    Write,

    /// <summary>Both, each with the full queue depth: shows how much they disturb each other.</summary>
    Mixed,
}
