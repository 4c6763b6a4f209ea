namespace TeraIO.Core.Tracing;

/// <summary>What a tensor is to training.</summary>
public enum TensorKind
{
    /// <summary>Not known.</summary>
    Unknown,

    /// <summary>A weight of the model: persistent, read by forward and backward, written by the update.</summary>
    Parameter,

    /// <summary>The gradient of a parameter: from backward to the update.</summary>
    Gradient,

    /// <summary>What the optimizer keeps per parameter: persistent, touched by the update only.</summary>
    OptimizerState,

    /// <summary>Made by forward and read by backward.</summary>
    Activation,

    /// <summary>Anything else that lives for a short time.</summary>
    Temporary,

    /// <summary>Data of the iteration: tokens, targets.</summary>
    Input,
}

/// <summary>A block of memory with one lifetime per iteration: a tensor storage.</summary>
/// <param name="Bytes">Size in bytes, more than 0.</param>
/// <param name="Kind">What it is to training.</param>
/// <param name="IsPersistent">
/// It exists in every iteration (weights, optimizer state) and is neither created nor freed in one. Everything else is created by one op of the
/// iteration and freed after one; the free may come in the next iteration, before the op that creates it again.
/// </param>
/// <param name="Name">For people, such as <c>block3.attention.qkv.weight</c>; null when there is none.</param>
/// <param name="IsMovable">Whether it can leave memory at all.</param>
public sealed record TraceTensor(long Bytes, TensorKind Kind, bool IsPersistent, string? Name = null, bool IsMovable = true);
