using TeraIO.Core.Storage;

namespace TeraIO.Planner.Machine;

/// <summary>Turns measurements of storage into what the planner knows of a machine.</summary>
public static class MeasuredMachine
{
    /// <summary>The paths of a profile taken together.</summary>
    public static TierModel Tier(BandwidthProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return Tier(profile.Together(), profile.LatencySeconds) with { QueueDepth = profile.Paths.Max(static p => p.QueueDepth) };
    }

    /// <summary>A tier that was measured, with the time from a request to its first byte.</summary>
    public static TierModel Tier(StoreBandwidth measured, double latencySeconds)
    {
        ArgumentNullException.ThrowIfNull(measured);
        return new TierModel
        {
            ReadBandwidth = measured.ReadBandwidth,
            WriteBandwidth = measured.WriteBandwidth,
            Interference = measured.Interference,
            LatencySeconds = latencySeconds,
        };
    }

    /// <summary>
    /// What a byte moved takes from the ops: all of the processor time that its transfer needs, not divided by the cores. A thread that takes one core for a while holds up all
    /// that meet at the op's next barrier.
    /// </summary>
    /// <returns>A value of <see cref="MachineModel.ComputeSecondsPerByte"/>.</returns>
    public static double ComputeSecondsPerByte(StoreBandwidth bandwidth)
    {
        ArgumentNullException.ThrowIfNull(bandwidth);
        return bandwidth.CpuSecondsPerByte;
    }
}
