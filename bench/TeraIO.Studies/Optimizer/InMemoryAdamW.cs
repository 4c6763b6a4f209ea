using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>AdamW on a block of elements in memory, written element by element and sharing no code with the product's kernel: what offloaded state is compared with.</summary>
internal sealed class InMemoryAdamW
{
    public const int BlockElements = 4096;

    public float[] Parameters { get; } = new float[BlockElements];

    public float[] First { get; } = new float[BlockElements];

    public float[] Second { get; } = new float[BlockElements];

    /// <summary>All steps of a block, from its initial values.</summary>
    /// <param name="options">Of the optimizer.</param>
    /// <param name="steps">How many.</param>
    /// <param name="tensor">Whose elements.</param>
    /// <param name="offset">First element of the block.</param>
    /// <param name="count">Elements of the block.</param>
    /// <param name="isRounded">Whether the gradients go through BF16.</param>
    public void Run(AdamWOptions options, int steps, int tensor, long offset, int count, bool isRounded)
    {
        Span<float> gradients = stackalloc float[count];
        SyntheticModel.Initial(tensor, offset, Parameters.AsSpan(0, count));
        Array.Clear(First);
        Array.Clear(Second);
        for (int step = 1; step <= steps; step++)
        {
            SyntheticModel.GradientsOf(step, tensor, offset, gradients);
            if (isRounded) SyntheticModel.Round(gradients);
            Step(gradients, new AdamWScalars(options, step));
        }
    }

    private void Step(ReadOnlySpan<float> gradients, in AdamWScalars s)
    {
        for (int i = 0; i < gradients.Length; i++)
        {
            float g = gradients[i];
            First[i] = MathF.FusedMultiplyAdd(s.Gain1, g, First[i] * s.Beta1);
            Second[i] = MathF.FusedMultiplyAdd(s.Gain2 * g, g, Second[i] * s.Beta2);
            float denominator = (MathF.Sqrt(Second[i]) / s.Correction) + s.Epsilon;
            Parameters[i] = (Parameters[i] * s.Decay) + (s.MinusStepSize * First[i] / denominator);
        }
    }
}
