namespace TeraIO.Cli.Bench;

/// <summary>How cuFile is expected to move the bytes of a path.</summary>
/// <param name="Path">The directory.</param>
/// <param name="Backend">As <see cref="BenchCell.Backend"/>.</param>
/// <param name="Text">The way, and why.</param>
/// <param name="IsDirect">Not through the host's memory.</param>
internal sealed record BenchRoute(string Path, string Backend, string Text, bool IsDirect);
