namespace TeraIO.Cli.Bench;

/// <summary>All of a run.</summary>
/// <param name="Cells">In the order in which they were measured.</param>
/// <param name="Routes">One for each path that cuFile was measured on.</param>
internal sealed record BenchResult(IReadOnlyList<BenchCell> Cells, IReadOnlyList<BenchRoute> Routes);
