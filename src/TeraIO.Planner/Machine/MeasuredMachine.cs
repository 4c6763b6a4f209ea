using TeraIO.Core.Storage;

namespace TeraIO.Planner.Machine;

/// <summary>Turns measurements of storage into what the planner knows of a machine.</summary>
public static class MeasuredMachine
{
    /// <summary>The paths of a profile taken together.</summary>
    public static TierModel Tier(BandwidthProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        StoreBandwidth together = profile.Together();
        return new TierModel
        {
            ReadBandwidth = together.ReadBandwidth,
            WriteBandwidth = together.WriteBandwidth,
            Interference = together.Interference,
            LatencySeconds = profile.LatencySeconds,
            QueueDepth = profile.Paths.Max(static p => p.QueueDepth),
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
