namespace TeraIO.Optimizer.Layout;

/// <summary>A run of elements of one tensor that lies in one subgroup.</summary>
/// <param name="Tensor">Index of the tensor.</param>
/// <param name="TensorOffset">First element of the run in the tensor.</param>
/// <param name="SubgroupOffset">Where the run begins in the subgroup, in elements.</param>
/// <param name="Elements">Length of the run.</param>
public readonly record struct TensorPiece(int Tensor, long TensorOffset, long SubgroupOffset, long Elements);
