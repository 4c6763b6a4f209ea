using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Gradients;

/// <summary>Gradients where backward left them, in host memory in any format; cast at use.</summary>
/// <param name="tensors">The gradient of each tensor, <see langword="null"/> where it has none. The memory is the caller's.</param>
public sealed class HostGradients(IReadOnlyList<HostTensor?> tensors) : IGradientSource
{
    /// <inheritdoc/>
    public bool HasGradient(int tensor) => tensors[tensor] is not null;

    /// <inheritdoc/>
    public ValueTask ReadyAsync(Subgroup subgroup) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(int tensor, long offset, Span<float> scratch) =>
        (tensors[tensor] ?? throw new InvalidOperationException($"Tensor {tensor} has no gradient.")).Read(offset, scratch);
}
