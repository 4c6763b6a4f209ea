using TeraIO.Core;
using TeraIO.Optimizer.Update;
using TorchSharp;
using static TorchSharp.torch;

namespace TeraIO.Torch.Optimizer;

/// <summary>Tensors of TorchSharp as memory that the update reads and writes.</summary>
internal static class HostMemory
{
    /// <summary>The elements of a tensor; valid while the tensor lives and is not resized.</summary>
    /// <exception cref="ConfigurationException">It is not in host memory, not contiguous, or not of a format that can be updated.</exception>
    public static unsafe HostTensor Of(Tensor tensor, string what)
    {
        if (tensor.device_type != DeviceType.CPU) throw new ConfigurationException($"{what} is on {tensor.device}: OffloadedAdamW updates tensors in host memory.");
        if (!tensor.is_contiguous()) throw new ConfigurationException($"{what} is not contiguous: call contiguous() on it.");
        fixed (byte* address = tensor.bytes) return new HostTensor((nint)address, tensor.numel(), FormatOf(tensor.dtype, what));
    }

    private static ElementFormat FormatOf(ScalarType type, string what) => type switch
    {
        ScalarType.Float32 => ElementFormat.Fp32,
        ScalarType.BFloat16 => ElementFormat.Bf16,
        ScalarType.Float16 => ElementFormat.Fp16,
        _ => throw new ConfigurationException($"{what} is {type}: OffloadedAdamW updates Float32, BFloat16 and Float16."),
    };
}
