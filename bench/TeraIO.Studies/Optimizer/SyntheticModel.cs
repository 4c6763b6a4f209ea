using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>
/// A BF16 model of made-up numbers and the FP32 gradients that its backward left in memory. Every number is a function of its place and step, so that an update can be
/// checked element by element without a second copy of the state.
/// </summary>
internal sealed class SyntheticModel : IDisposable
{
    // Two widths of a transformer's matrices, odd enough that no tensor ends where a subgroup does.
    private static readonly long[] _tensorElements = [(4 << 20) + 4096 + 3, (3 << 20) + 777];

    private readonly NativeBlock _parameterMemory;
    private readonly NativeBlock _gradientMemory;

    public SyntheticModel(long parameters)
    {
        Sizes = Cut(parameters);
        _parameterMemory = new NativeBlock(2 * parameters);
        _gradientMemory = new NativeBlock(4 * parameters);
        Parameters = Place(_parameterMemory, ElementFormat.Bf16);
        Gradients = Place(_gradientMemory, ElementFormat.Fp32);
        Reset();
    }

    /// <summary>Elements of each tensor.</summary>
    public IReadOnlyList<long> Sizes { get; }

    public HostTensor[] Parameters { get; }

    public HostTensor[] Gradients { get; }

    /// <summary>Those in place.</summary>
    public HostGradients InPlace => new([.. Gradients.Select(static tensor => (HostTensor?)tensor)]);

    /// <summary>In so many subgroups.</summary>
    public ParameterLayout Layout(int subgroups) => new(Sizes, (Sizes.Sum() + subgroups - 1) / subgroups);

    /// <summary>Of a step, the same for every tensor.</summary>
    public IReadOnlyList<AdamWScalars?> Scalars(AdamWOptions options, int step)
    {
        AdamWScalars? scalars = new AdamWScalars(options, step);
        return [.. Sizes.Select(_ => scalars)];
    }

    /// <summary>The values before the first step.</summary>
    public void Reset() => ForBlocks((tensor, offset, values) =>
    {
        Initial(tensor, offset, values);
        Parameters[tensor].Write(offset, values);
    });

    /// <summary>The gradients of a step, as backward would leave them.</summary>
    public void FillGradients(int step) => ForBlocks((tensor, offset, values) =>
    {
        GradientsOf(step, tensor, offset, values);
        Gradients[tensor].Write(offset, values);
    });

    /// <summary>Values that BF16 holds exactly.</summary>
    public static void Initial(int tensor, long offset, Span<float> values)
    {
        Numbers(0, tensor, offset, 0.05f, values);
        Round(values);
    }

    /// <summary>Different magnitudes from tensor to tensor, as in a network.</summary>
    public static void GradientsOf(int step, int tensor, long offset, Span<float> values) => Numbers(step, tensor, offset, 1e-4f * (1 << (tensor % 8)), values);

    /// <summary>To BF16 and back.</summary>
    public static void Round(Span<float> values)
    {
        Span<byte> narrow = stackalloc byte[2 * InMemoryAdamW.BlockElements];
        ElementCast.FromFloat(ElementFormat.Bf16, values, narrow[..(2 * values.Length)]);
        ElementCast.ToFloat(ElementFormat.Bf16, narrow[..(2 * values.Length)], values);
    }

    public void Dispose()
    {
        _parameterMemory.Dispose();
        _gradientMemory.Dispose();
    }

    private static List<long> Cut(long parameters)
    {
        var sizes = new List<long>();
        for (long left = parameters; left > 0; left -= sizes[^1]) sizes.Add(Math.Min(left, _tensorElements[sizes.Count % 2]));
        return sizes;
    }

    private HostTensor[] Place(NativeBlock memory, ElementFormat format)
    {
        var tensors = new HostTensor[Sizes.Count];
        nint address = memory.Address;
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i] = new HostTensor(address, Sizes[i], format);
            address += (nint)(Sizes[i] * ElementCast.BytesOf(format));
        }

        return tensors;
    }

    private delegate void BlockAction(int tensor, long offset, Span<float> values);

    private void ForBlocks(BlockAction action) => Parallel.For(0, Sizes.Count, tensor =>
    {
        Span<float> values = stackalloc float[InMemoryAdamW.BlockElements];
        for (long offset = 0; offset < Sizes[tensor]; offset += values.Length)
            action(tensor, offset, values[..(int)Math.Min(values.Length, Sizes[tensor] - offset)]);
    });

    private static void Numbers(int step, int tensor, long offset, float scale, Span<float> values)
    {
        uint seed = ((uint)step * 0x9E3779B9) ^ ((uint)tensor * 0x85EBCA6B);
        scale *= 1f / int.MaxValue;
        for (int i = 0; i < values.Length; i++)
        {
            uint x = ((uint)(offset + i) * 0x9E3779B1) + seed;
            x = (x ^ (x >> 15)) * 0x85EBCA6B;
            x = (x ^ (x >> 13)) * 0xC2B2AE35;
            values[i] = (int)(x ^ (x >> 16)) * scale;
        }
    }
}
