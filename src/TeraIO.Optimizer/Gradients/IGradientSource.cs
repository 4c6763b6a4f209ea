using TeraIO.Optimizer.Layout;

namespace TeraIO.Optimizer.Gradients;

/// <summary>Where an update finds the gradients of a step. Its methods are called from several threads at once.</summary>
public interface IGradientSource
{
    /// <summary>Whether the tensor takes part in this step. A tensor without a gradient keeps its values and moments, as in TorchSharp.</summary>
    bool HasGradient(int tensor);

    /// <summary>Ends when the gradients of the subgroup can be read.</summary>
    ValueTask ReadyAsync(Subgroup subgroup);

    /// <summary>Gradients as FP32: memory of the source, or values cast into <paramref name="scratch"/>.</summary>
    /// <param name="tensor">Index of the tensor.</param>
    /// <param name="offset">First element.</param>
    /// <param name="scratch">As long as what is to be read; belongs to the caller.</param>
    ReadOnlySpan<float> Read(int tensor, long offset, Span<float> scratch);
}
