using TeraIO.Core.Storage;

namespace TeraIO.Planner.Machine;

/// <summary>Turns measurements into what the planner knows of a tier.</summary>
public static class ProfiledTier
{
    /// <summary>The paths of a profile taken together.</summary>
    public static TierModel Of(BandwidthProfile profile)
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
}
