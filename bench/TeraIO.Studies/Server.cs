using TeraIO.Planner.Machine;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Studies;

/// <summary>A GPU with its own SSDs and its part of host memory.</summary>
/// <param name="Gpu">The device.</param>
/// <param name="Ssds">SSDs of this GPU.</param>
/// <param name="HostBytes">Host memory of this GPU; 0: none.</param>
internal sealed record Server(DeviceRoofline Gpu, int Ssds, long HostBytes = 0)
{
    /// <summary>
    /// Bytes per second that an SSD of an array gives: TERAIO attains about 16 GB/s with four 990 PRO of 6.7 GB/s nominal (section 4).
    /// </summary>
    public const double SsdBandwidth = 4e9;

    /// <summary>Nominal rate of the four is 26 GB/s in one direction; in both together about 24 GB/s are taken: r/16 + w/16 is at most 1.5.</summary>
    public const double UsualInterference = 0.5;

    /// <summary>CUDA context, communication buffers and fragmentation.</summary>
    public const long ReservedBytes = 4_000_000_000;

    /// <summary>See <see cref="TierModel.Interference"/>.</summary>
    public double Interference { get; init; } = UsualInterference;

    private const double LatencySeconds = 100e-6;

    /// <summary>SSD traffic passes the same PCIe link as host traffic; what is left is the host tier's, at least a quarter.</summary>
    public double HostBandwidth => Math.Max(Gpu.HostBandwidth / 4, Gpu.HostBandwidth - StorageBandwidth);

    private double StorageBandwidth => Math.Min(Ssds * SsdBandwidth, Gpu.HostBandwidth);

    public MachineModel Machine => new()
    {
        MemoryBudget = Gpu.MemoryBytes - ReservedBytes,
        Storage = new TierModel
        {
            ReadBandwidth = StorageBandwidth,
            WriteBandwidth = StorageBandwidth,
            Interference = Interference,
            LatencySeconds = LatencySeconds,
        },
        Host = HostBytes == 0
            ? null
            : new TierModel { ReadBandwidth = HostBandwidth, WriteBandwidth = HostBandwidth, LatencySeconds = 20e-6, Capacity = HostBytes },
    };
}
