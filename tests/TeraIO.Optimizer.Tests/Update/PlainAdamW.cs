using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Tests.Update;

/// <summary>AdamW in memory, written element by element: what every way to update is compared with.</summary>
internal sealed class PlainAdamW(float[] parameters)
{
    public float[] Parameters { get; } = [.. parameters];

    public float[] First { get; } = new float[parameters.Length];

    public float[] Second { get; } = new float[parameters.Length];

    public void Step(ReadOnlySpan<float> gradients, in AdamWScalars s, bool isFused = true)
    {
        for (int i = 0; i < Parameters.Length; i++)
        {
            float g = gradients[i];
            float m = First[i] * s.Beta1;
            float v = Second[i] * s.Beta2;
            First[i] = isFused ? MathF.FusedMultiplyAdd(s.Gain1, g, m) : m + (s.Gain1 * g);
            Second[i] = isFused ? MathF.FusedMultiplyAdd(s.Gain2 * g, g, v) : v + (s.Gain2 * g * g);
            float denominator = (MathF.Sqrt(Second[i]) / s.Correction) + s.Epsilon;
            Parameters[i] = (Parameters[i] * s.Decay) + (s.MinusStepSize * First[i] / denominator);
        }
    }
}
