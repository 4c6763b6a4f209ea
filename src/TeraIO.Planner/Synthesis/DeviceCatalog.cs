using TeraIO.Core;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// Devices. Peaks, memory and links are the makers' data sheets (dense, without sparsity). Efficiencies are assumptions: large products reach about 75 % of
/// the FP32 peak and 55 % of the tensor cores', kernels 85 % of the memory bandwidth.
/// </summary>
public static class DeviceCatalog
{
    private const double Tera = 1e12;
    private const double Giga = 1e9;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DeviceRoofline> All { get; } =
    [
        Gpu("v100", memory: 32, fp32: 15.7, tf32: 0, half: 125, bandwidth: 900, interconnect: 150, host: 12),
        Gpu("a100-40g", memory: 40, fp32: 19.5, tf32: 156, half: 312, bandwidth: 1555, interconnect: 300, host: 25),
        Gpu("a100-80g", memory: 80, fp32: 19.5, tf32: 156, half: 312, bandwidth: 2039, interconnect: 300, host: 25),
        Gpu("h100-80g", memory: 80, fp32: 67, tf32: 494, half: 989, bandwidth: 3350, interconnect: 450, host: 50),
        Gpu("h100-nvl-94g", memory: 94, fp32: 60, tf32: 417, half: 835, bandwidth: 3900, interconnect: 300, host: 50),
        Gpu("h200", memory: 141, fp32: 67, tf32: 494, half: 989, bandwidth: 4800, interconnect: 450, host: 50),
        new DeviceRoofline
        {
            // Two cores of a server CPU with AVX2: 32 FLOP per cycle and core at 3 GHz.
            Name = "cpu-2core", MemoryBytes = 24L << 30, Fp32FlopsPerSecond = 0.192 * Tera, ComputeEfficiency = 0.75, MemoryBandwidth = 25 * Giga,
            MemoryEfficiency = 0.8, KernelOverheadSeconds = 20e-6, Kernels = KernelSet.Eager,
        },
    ];

    /// <summary>The device of that name; letter case does not matter.</summary>
    /// <exception cref="ConfigurationException">There is none; the message lists all.</exception>
    public static DeviceRoofline Named(string name) =>
        All.FirstOrDefault(d => string.Equals(d.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ConfigurationException($"There is no device '{name}'; there are {string.Join(", ", All.Select(static d => d.Name))}.");

    private static DeviceRoofline Gpu(
        string name, double memory, double fp32, double tf32, double half, double bandwidth, double interconnect, double host) => new()
        {
            Name = name,
            MemoryBytes = (long)(memory * Giga),
            Fp32FlopsPerSecond = fp32 * Tera,
            Tf32FlopsPerSecond = tf32 * Tera,
            HalfFlopsPerSecond = half * Tera,
            ComputeEfficiency = 0.75,
            TensorCoreEfficiency = 0.55,
            MemoryBandwidth = bandwidth * Giga,
            KernelOverheadSeconds = 5e-6,
            InterconnectBandwidth = interconnect * Giga,
            HostBandwidth = host * Giga,
        };
}
