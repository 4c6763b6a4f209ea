namespace TeraIO.Fuzz;

/// <summary>A parser, files to begin with, and what its input is made of.</summary>
/// <param name="Name">For reports.</param>
/// <param name="Seeds">Good files.</param>
/// <param name="Tokens">Pieces that mutations put in.</param>
/// <param name="Parse">Reads an input; whatever it throws is judged by <see cref="FuzzRun"/>.</param>
internal sealed record FuzzTarget(string Name, byte[][] Seeds, byte[][] Tokens, Action<byte[]> Parse);
