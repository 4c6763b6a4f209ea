namespace TeraIO.Core.Storage;

/// <summary>
/// The bandwidth of a device that is not there: every path of a store ends its transfers no sooner than this device would. For experiments
/// ("what if my drive did 500 MB/s?"); figures from it are to be labelled emulated. Cannot make a path faster than it is.
/// </summary>
/// <param name="ReadBandwidth">Bytes per second from the device, per path; more than 0.</param>
/// <param name="WriteBandwidth">Bytes per second to the device, per path; more than 0. Reads and writes do not disturb each other.</param>
public sealed record EmulatedDevice(double ReadBandwidth, double WriteBandwidth)
{
    /// <exception cref="ConfigurationException">A bandwidth is not a positive number.</exception>
    internal void Validate()
    {
        if (!(ReadBandwidth > 0) || !(WriteBandwidth > 0) || !double.IsFinite(ReadBandwidth) || !double.IsFinite(WriteBandwidth))
            throw new ConfigurationException($"StoreOptions.Emulated reads {ReadBandwidth} and writes {WriteBandwidth} bytes per second: use numbers above 0.");
    }
}
