using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Gradients;

/// <summary>
/// Gradients of a step in host memory at two bytes each, cast to FP32 only at use, instead of FP32 gradients that travel to storage and back
/// (MLP-Offload's delayed conversion). The down-cast is part of the copy out of backward's memory and runs on the thread pool: an update waits only for
/// the tensors of its own subgroup.
/// </summary>
/// <remarks><see cref="CopyOut"/> and <see cref="Clear"/> from one thread at a time, not while an update reads.</remarks>
public sealed unsafe class NarrowGradients : IGradientSource, IDisposable
{
    private readonly HostTensor[] _tensors;
    private readonly Task?[] _copies;
    private nint _memory;

    /// <param name="layout">Of the parameters.</param>
    /// <param name="format">BF16 or FP16. FP16 overflows beyond 65504: scale the loss.</param>
    /// <exception cref="ConfigurationException">The format is not narrow.</exception>
    public NarrowGradients(ParameterLayout layout, ElementFormat format)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (format == ElementFormat.Fp32) throw new ConfigurationException("Narrow gradients in FP32 save nothing: choose Bf16 or Fp16, or read them in place (HostGradients).");
        _memory = (nint)NativeMemory.AlignedAlloc((nuint)HostBytes(layout).Bytes, 4096);
        _copies = new Task?[layout.Tensors.Count];
        _tensors = new HostTensor[layout.Tensors.Count];
        nint address = _memory;
        for (int tensor = 0; tensor < _tensors.Length; tensor++)
        {
            _tensors[tensor] = new HostTensor(address, layout.Tensors[tensor], format);
            address += (nint)(2 * layout.Tensors[tensor]);
        }
    }

    /// <summary>Host memory that the gradients of a layout take.</summary>
    public static ByteSize HostBytes(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        return new ByteSize(2 * layout.Elements);
    }

    /// <summary>
    /// How far one step with gradients rounded to a narrow format can put a parameter from the same step with exact ones, FP32's own roundings left out
    /// (derived in docs/optimizer-offload.md); over several steps with the same gradients the bounds add up.
    /// </summary>
    /// <param name="options">Of the step; epsilon only makes the distance smaller.</param>
    /// <param name="format">BF16; FP16 while no gradient is below its normal numbers.</param>
    /// <param name="step">Number of the step, from 1.</param>
    public static double StepBound(AdamWOptions options, ElementFormat format, long step)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        double relative = Math.Pow(2, format == ElementFormat.Bf16 ? -8 : -11);
        (double b1, double b2) = (options.Beta1, options.Beta2);
        if (b2 == 0) return double.PositiveInfinity; // nothing of an earlier gradient in the denominator, however large its part of the numerator
        double r = b1 * b1 / b2;
        double sum = r == 1 ? step : (1 - Math.Pow(r, step)) / (1 - r);
        double ratio = Math.Sqrt((1 - b1) * (1 - b1) / (1 - b2) * sum) * Math.Sqrt(1 - Math.Pow(b2, step)) / (1 - Math.Pow(b1, step));
        return options.LearningRate * ratio * 2 * relative / (1 - relative);
    }

    /// <summary>Starts the copy of one tensor's gradient.</summary>
    /// <param name="tensor">Index of the tensor; once per step.</param>
    /// <param name="gradient">Must not change or go before the returned task has ended.</param>
    /// <returns>Ends when the source is no longer needed.</returns>
    /// <exception cref="ArgumentException">The gradient has another number of elements than the tensor.</exception>
    /// <exception cref="InvalidOperationException">The tensor has a gradient already.</exception>
    public Task CopyOut(int tensor, HostTensor gradient)
    {
        ObjectDisposedException.ThrowIf(_memory == 0, this);
        if (gradient.Elements != _tensors[tensor].Elements)
            throw new ArgumentException($"The gradient of tensor {tensor} has {gradient.Elements} elements instead of {_tensors[tensor].Elements}.", nameof(gradient));
        if (_copies[tensor] is not null) throw new InvalidOperationException($"Tensor {tensor} has a gradient in this step: Clear first.");
        HostTensor target = _tensors[tensor];
        return _copies[tensor] = Task.Run(() => Cast(gradient, target));
    }

    /// <summary>Forgets all gradients, after copies that are under way have ended.</summary>
    public void Clear()
    {
        Task.WhenAll(_copies.OfType<Task>()).Wait();
        Array.Clear(_copies);
    }

    /// <inheritdoc/>
    public bool HasGradient(int tensor) => _copies[tensor] is not null;

    /// <inheritdoc/>
    public ValueTask ReadyAsync(Subgroup subgroup)
    {
        ArgumentNullException.ThrowIfNull(subgroup);
        return new ValueTask(Task.WhenAll(subgroup.Pieces.Select(piece => _copies[piece.Tensor] ?? Task.CompletedTask)));
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(int tensor, long offset, Span<float> scratch) => _tensors[tensor].Read(offset, scratch);

    /// <summary>Frees the memory, after copies that are under way have ended. Not while an update reads.</summary>
    public void Dispose()
    {
        if (_memory == 0) return;
        Clear();
        NativeMemory.AlignedFree((void*)_memory);
        _memory = 0;
    }

    private static void Cast(HostTensor source, HostTensor target)
    {
        Span<float> scratch = stackalloc float[AdamWKernel.BlockElements];
        for (long offset = 0; offset < source.Elements; offset += scratch.Length)
        {
            int count = (int)Math.Min(scratch.Length, source.Elements - offset);
            target.Write(offset, source.Read(offset, scratch[..count]));
        }
    }
}
