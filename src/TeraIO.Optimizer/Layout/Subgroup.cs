namespace TeraIO.Optimizer.Layout;

/// <summary>The unit in which optimizer state moves: a run of the elements of all tensors, laid end to end.</summary>
/// <param name="Index">Place in ascending order, from 0.</param>
/// <param name="Elements">How many.</param>
/// <param name="Pieces">The tensors they come from, in order.</param>
public sealed record Subgroup(int Index, long Elements, IReadOnlyList<TensorPiece> Pieces);
