using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Tests.Update;
using TeraIO.Optimizer.Update;
using TeraIO.TestSupport;

namespace TeraIO.Optimizer.Tests.Offload;

/// <summary>A model of some tensors with made-up gradients, beside an AdamW in memory that gets the same.</summary>
internal sealed class TrainingData : IDisposable
{
    private static readonly long[] _tensors = [7000, 1, 0, 12_345, 256, 3000];
    private readonly List<UnmanagedBytes> _memory = [];
    private readonly Random _random;

    public TrainingData(int seed, ElementFormat format = ElementFormat.Fp32)
    {
        _random = new Random(seed);
        Parameters = [.. _tensors.Select(n => Tensor(n, format))];
        Gradients = [.. _tensors.Select(n => (HostTensor?)Tensor(n, ElementFormat.Fp32))];
        foreach (HostTensor tensor in Parameters) tensor.Write(0, Numbers(tensor.Elements));
        Plain = [.. Parameters.Select(static t => new PlainAdamW(Values(t)))];
    }

    public HostTensor[] Parameters { get; }

    public HostTensor?[] Gradients { get; }

    /// <summary>One per tensor.</summary>
    public PlainAdamW[] Plain { get; }

    /// <summary>What the in-memory optimizer reads in place of the gradients, for narrow ones.</summary>
    public ElementFormat GradientFormat { get; init; }

    public AdamWOptions Options { get; } = new(LearningRate: 1e-2, WeightDecay: 0.1);

    public static ParameterLayout Layout(long subgroupElements) => new(_tensors, subgroupElements);

    public static float[] Values(HostTensor tensor)
    {
        var values = new float[tensor.Elements];
        tensor.Read(0, values).CopyTo(values);
        return values;
    }

    /// <summary>What numbers become in a format.</summary>
    public static float[] Rounded(float[] values, ElementFormat format)
    {
        var bytes = new byte[values.Length * ElementCast.BytesOf(format)];
        var rounded = new float[values.Length];
        ElementCast.FromFloat(format, values, bytes);
        ElementCast.ToFloat(format, bytes, rounded);
        return rounded;
    }

    /// <summary>New gradients, and the same step in memory.</summary>
    public AdamWScalars?[] NextStep(int step)
    {
        var scalars = new AdamWScalars(Options, step);
        for (int i = 0; i < Gradients.Length; i++)
        {
            if (Gradients[i] is not { } gradient) continue;
            float[] values = Numbers(gradient.Elements);
            gradient.Write(0, values);
            Plain[i].Step(Rounded(values), scalars);
        }

        return [.. Gradients.Select(_ => (AdamWScalars?)scalars)];
    }

    /// <summary>Every parameter and moment has the bits of the in-memory optimizer.</summary>
    public async Task RequireEqualAsync(OffloadedState state, bool hasMaster = true)
    {
        for (int i = 0; i < Parameters.Length; i++)
        {
            var master = new float[Parameters[i].Elements];
            var first = new float[master.Length];
            var second = new float[master.Length];
            await state.ReadAsync(i, master, first, second);
            Assert.That(first, Is.EqualTo(Plain[i].First), $"first moment of tensor {i}");
            Assert.That(second, Is.EqualTo(Plain[i].Second), $"second moment of tensor {i}");
            if (hasMaster) Assert.That(master, Is.EqualTo(Plain[i].Parameters), $"master parameters of tensor {i}");
            Assert.That(Values(Parameters[i]), Is.EqualTo(Rounded(Plain[i].Parameters, Parameters[i].Format)), $"tensor {i} of the model");
        }
    }

    public void Dispose() => _memory.ForEach(static memory => memory.Dispose());

    private float[] Rounded(float[] values) => Rounded(values, GradientFormat);

    private float[] Numbers(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => (float)((_random.NextDouble() * 2) - 1))];

    private HostTensor Tensor(long elements, ElementFormat format)
    {
        var memory = new UnmanagedBytes((int)elements * ElementCast.BytesOf(format));
        _memory.Add(memory);
        return new HostTensor(memory.Address, elements, format);
    }
}
