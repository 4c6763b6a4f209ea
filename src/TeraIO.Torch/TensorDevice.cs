using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Torch;

/// <summary>
/// Where the tensors of a training live: in host memory, which is the default, or in the memory of one CUDA device. A type of TeraIO's own, because TorchSharp's loads libtorch as soon as it is used.
/// </summary>
public readonly record struct TensorDevice
{
    private const string CudaPrefix = "cuda";

    private readonly int _cudaOrdinalPlusOne; // 0 in the default value: the CPU

    private TensorDevice(int cudaOrdinal)
    {
        _cudaOrdinalPlusOne = cudaOrdinal + 1;
    }

    /// <summary>Host memory.</summary>
    public static TensorDevice Cpu => default;

    /// <summary>Whether tensors are in a CUDA device's memory.</summary>
    public bool IsCuda => _cudaOrdinalPlusOne > 0;

    /// <summary>Ordinal of the CUDA device, as the driver counts them for this process; -1 for the CPU.</summary>
    public int CudaOrdinal => _cudaOrdinalPlusOne - 1;

    /// <summary>The memory of a CUDA device.</summary>
    /// <param name="ordinal">From 0 on.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static TensorDevice Cuda(int ordinal = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ordinal);
        return new TensorDevice(ordinal);
    }

    /// <summary>Reads <c>cpu</c>, <c>cuda</c> (the first) or <c>cuda:N</c>, as libtorch names devices.</summary>
    /// <exception cref="ConfigurationException">It is none of these.</exception>
    public static TensorDevice Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "cpu") return Cpu;
        if (text == CudaPrefix) return Cuda();
        if (text.StartsWith(CudaPrefix + ":", StringComparison.Ordinal)
            && byte.TryParse(text.AsSpan(CudaPrefix.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out byte ordinal))
        {
            return Cuda(ordinal);
        }

        throw new ConfigurationException($"'{text}' is no device: use cpu, cuda or cuda:N.");
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => IsCuda ? string.Create(CultureInfo.InvariantCulture, $"{CudaPrefix}:{CudaOrdinal}") : "cpu";
}
