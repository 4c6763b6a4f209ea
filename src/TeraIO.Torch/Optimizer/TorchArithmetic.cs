using System.Runtime.InteropServices;
using TeraIO.Optimizer.Update;
using TeraIO.Torch.Runtime;
using static TorchSharp.torch;

namespace TeraIO.Torch.Optimizer;

/// <summary>
/// Finds the arithmetic with which <see cref="AdamWKernel"/> has the bits of TorchSharp's AdamW on the libtorch of this process and this CPU, by trying: libtorch 2.10 fuses
/// multiply-adds where the CPU has AVX2 and takes square roots from MKL's <c>vmsSqrt</c>, which it exports.
/// </summary>
public sealed class TorchArithmetic
{
    // Length with whole vectors of any width and a remainder, values over many magnitudes.
    private const int ProofElements = 1999;
    private const int ProofSteps = 3;

    // What aten/src/ATen/native/cpu/vml.h passes to MKL: high accuracy, denormals kept, errors ignored.
    private const long MklMode = 0x00000002 | 0x00140000 | 0x00000100;

    private static readonly Lazy<TorchArithmetic> _current = new(Find);

    private TorchArithmetic(AdamWArithmetic arithmetic, bool isExact)
    {
        Arithmetic = arithmetic;
        IsExact = isExact;
    }

    /// <summary>Of this process; found at the first use, in about a millisecond. Thread-safe.</summary>
    public static TorchArithmetic Current => _current.Value;

    /// <summary>The one that matches, or <see cref="AdamWArithmetic.Fused"/>.</summary>
    public AdamWArithmetic Arithmetic { get; }

    /// <summary>Whether all bits of the trial were equal. If not, parameters differ by some units in the last place per step.</summary>
    public bool IsExact { get; }

    private static TorchArithmetic Find()
    {
        TorchRuntime.Initialize();
        float[] gradients = ProofNumbers(seed: 2, ProofSteps * ProofElements);
        float[] expected = UpdateWithTorch(gradients);
        foreach (AdamWArithmetic candidate in Candidates())
        {
            if (UpdateWith(candidate, gradients).AsSpan().SequenceEqual(expected)) return new TorchArithmetic(candidate, isExact: true);
        }

        return new TorchArithmetic(AdamWArithmetic.Fused, isExact: false);
    }

    private static IEnumerable<AdamWArithmetic> Candidates()
    {
        nint library = DynamicLinker.FindLoaded(NativeLibrarySearch.LibTorchCpu);
        if (library != 0 && NativeLibrary.TryGetExport(library, "vmsSqrt", out nint squareRoot))
        {
            yield return AdamWArithmetic.Fused.WithSquareRoot(squareRoot, MklMode);
            yield return AdamWArithmetic.Separate.WithSquareRoot(squareRoot, MklMode);
        }

        yield return AdamWArithmetic.Fused;
        yield return AdamWArithmetic.Separate;
    }

    private static float[] UpdateWithTorch(float[] gradients)
    {
        using var scope = NewDisposeScope();
        using var parameter = new TorchSharp.Modules.Parameter(tensor(ProofNumbers(seed: 1, ProofElements)));
        using optim.Optimizer optimizer = optim.AdamW([parameter], weight_decay: 0.1);
        for (int step = 0; step < ProofSteps; step++)
        {
            parameter.grad = tensor(gradients.AsSpan(step * ProofElements, ProofElements).ToArray());
            optimizer.step();
        }

        return MemoryMarshal.Cast<byte, float>(parameter.bytes).ToArray();
    }

    private static float[] UpdateWith(AdamWArithmetic arithmetic, float[] gradients)
    {
        float[] parameters = ProofNumbers(seed: 1, ProofElements);
        var first = new float[ProofElements];
        var second = new float[ProofElements];
        var options = new AdamWOptions(WeightDecay: 0.1);
        for (int step = 0; step < ProofSteps; step++)
        {
            AdamWKernel.Update(
                parameters, first, second, gradients.AsSpan(step * ProofElements, ProofElements), new AdamWScalars(options, step + 1), arithmetic);
        }

        return parameters;
    }

    private static float[] ProofNumbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, (6 * random.NextDouble()) - 4)))];
    }
}
