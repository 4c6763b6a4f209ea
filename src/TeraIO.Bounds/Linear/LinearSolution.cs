namespace TeraIO.Bounds.Linear;

/// <summary>What a solver made of a program.</summary>
/// <param name="Status">The solver's word for how it ended.</param>
/// <param name="Bound">The objective is at least this, proven; minus infinity when nothing was proven.</param>
/// <param name="Values">One per variable; empty when there is no solution.</param>
internal sealed record LinearSolution(string Status, double Bound, double[] Values);
