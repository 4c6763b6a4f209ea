using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TeraIO.Optimizer.Update;

/// <summary>
/// One AdamW step over a block of elements, in FP32, in the order of operations of TorchSharp 0.107:
/// <c>p = p*decay; m = m*beta1 + gain1*g; v = v*beta2 + (gain2*g)*g; p = p + (-step*m) / (sqrt(v)/correction + eps)</c>.
/// <see cref="AdamWArithmetic"/> says where it rounds. The result of an element depends neither on its place nor on the number of threads.
/// </summary>
internal static class AdamWKernel
{
    /// <summary>Elements that fit the L1 cache with everything about them; callers cut their work into blocks of so many.</summary>
    public const int BlockElements = 2048;

    /// <param name="parameters">FP32 values, updated.</param>
    /// <param name="first">First moment, updated.</param>
    /// <param name="second">Second moment, updated.</param>
    /// <param name="gradients">FP32 gradients.</param>
    /// <param name="scalars">Of this step.</param>
    /// <param name="arithmetic">Where to round.</param>
    public static void Update(
        Span<float> parameters, Span<float> first, Span<float> second, ReadOnlySpan<float> gradients, in AdamWScalars scalars, AdamWArithmetic arithmetic)
    {
        int length = parameters.Length;
        if (first.Length != length || second.Length != length || gradients.Length != length || length > BlockElements)
        {
            throw new ArgumentException(
                $"Parameters, moments and gradients have {length}, {first.Length}, {second.Length} and {gradients.Length} elements: equally many, {BlockElements} at most, are needed.");
        }

        if (arithmetic.IsFused) UpdateMoments<Fused>(first, second, gradients, scalars);
        else UpdateMoments<Separate>(first, second, gradients, scalars);
        Span<float> roots = stackalloc float[BlockElements];
        roots = roots[..length];
        if (arithmetic.HasForeignRoot) arithmetic.SquareRoot(second, roots);
        else SquareRoots(second, roots);
        UpdateParameters(parameters, first, roots, scalars);
    }

    private static void UpdateMoments<TAdd>(Span<float> first, Span<float> second, ReadOnlySpan<float> gradients, in AdamWScalars scalars)
        where TAdd : struct, IProductSum
    {
        ref float m = ref MemoryMarshal.GetReference(first);
        ref float v = ref MemoryMarshal.GetReference(second);
        ref float g = ref MemoryMarshal.GetReference(gradients);
        var beta1 = Vector512.Create(scalars.Beta1);
        var gain1 = Vector512.Create(scalars.Gain1);
        var beta2 = Vector512.Create(scalars.Beta2);
        var gain2 = Vector512.Create(scalars.Gain2);
        int vectors = first.Length - (first.Length % Vector512<float>.Count);
        for (nuint i = 0; i < (nuint)vectors; i += (nuint)Vector512<float>.Count)
        {
            Vector512<float> gradient = Vector512.LoadUnsafe(ref g, i);
            TAdd.Add(Vector512.LoadUnsafe(ref m, i) * beta1, gain1, gradient).StoreUnsafe(ref m, i);
            TAdd.Add(Vector512.LoadUnsafe(ref v, i) * beta2, gain2 * gradient, gradient).StoreUnsafe(ref v, i);
        }

        for (int i = vectors; i < first.Length; i++)
        {
            float gradient = gradients[i];
            first[i] = TAdd.Add(first[i] * scalars.Beta1, scalars.Gain1, gradient);
            second[i] = TAdd.Add(second[i] * scalars.Beta2, scalars.Gain2 * gradient, gradient);
        }
    }

    private static void SquareRoots(ReadOnlySpan<float> values, Span<float> roots)
    {
        ref float from = ref MemoryMarshal.GetReference(values);
        ref float to = ref MemoryMarshal.GetReference(roots);
        int vectors = values.Length - (values.Length % Vector512<float>.Count);
        for (nuint i = 0; i < (nuint)vectors; i += (nuint)Vector512<float>.Count) Vector512.Sqrt(Vector512.LoadUnsafe(ref from, i)).StoreUnsafe(ref to, i);
        for (int i = vectors; i < values.Length; i++) roots[i] = MathF.Sqrt(values[i]);
    }

    private static void UpdateParameters(Span<float> parameters, ReadOnlySpan<float> first, ReadOnlySpan<float> roots, in AdamWScalars scalars)
    {
        ref float p = ref MemoryMarshal.GetReference(parameters);
        ref float m = ref MemoryMarshal.GetReference(first);
        ref float r = ref MemoryMarshal.GetReference(roots);
        var decay = Vector512.Create(scalars.Decay);
        var correction = Vector512.Create(scalars.Correction);
        var epsilon = Vector512.Create(scalars.Epsilon);
        var minusStepSize = Vector512.Create(scalars.MinusStepSize);
        int vectors = parameters.Length - (parameters.Length % Vector512<float>.Count);
        for (nuint i = 0; i < (nuint)vectors; i += (nuint)Vector512<float>.Count)
        {
            Vector512<float> denominator = (Vector512.LoadUnsafe(ref r, i) / correction) + epsilon;
            Vector512<float> change = minusStepSize * Vector512.LoadUnsafe(ref m, i) / denominator;
            ((Vector512.LoadUnsafe(ref p, i) * decay) + change).StoreUnsafe(ref p, i);
        }

        for (int i = vectors; i < parameters.Length; i++)
        {
            float denominator = (roots[i] / scalars.Correction) + scalars.Epsilon;
            parameters[i] = (parameters[i] * scalars.Decay) + (scalars.MinusStepSize * first[i] / denominator);
        }
    }

    /// <summary>A sum with a product, with one rounding or with two, chosen at compile time.</summary>
    private interface IProductSum
    {
        static abstract Vector512<float> Add(Vector512<float> sum, Vector512<float> left, Vector512<float> right);

        static abstract float Add(float sum, float left, float right);
    }

    private readonly struct Fused : IProductSum
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> sum, Vector512<float> left, Vector512<float> right) => Vector512.FusedMultiplyAdd(left, right, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Add(float sum, float left, float right) => MathF.FusedMultiplyAdd(left, right, sum);
    }

    private readonly struct Separate : IProductSum
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> sum, Vector512<float> left, Vector512<float> right) => sum + (left * right);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Add(float sum, float left, float right) => sum + (left * right);
    }
}
