namespace TeraIO.Optimizer.Interleave;

/// <summary>
/// Spreads a share f of the subgroups over a step's order, as evenly as whole subgroups allow. f = 1/k is Deep Optimizer States' stride k (Middleware'24); any f
/// between is a mixture of strides.
/// </summary>
public static class DeviceShare
{
    /// <summary>Whether the subgroup at this place of the order goes to the device: the running count of such places is floor(f x places).</summary>
    public static bool IsOnDevice(int place, double share) => Math.Floor((place + 1) * share) > Math.Floor(place * share);
}
