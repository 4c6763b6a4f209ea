using TeraIO.Core;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds;

/// <summary>Refuses machines that make no sense before a solver sees them.</summary>
internal static class MachineCheck
{
    public static void Validate(MachineModel machine)
    {
        if (machine.MemoryBudget < 0) throw new ConfigurationException($"The memory budget is {machine.MemoryBudget} bytes; it must not be negative.");
        if (!double.IsFinite(machine.ComputeSecondsPerByte) || machine.ComputeSecondsPerByte < 0)
            throw new ConfigurationException($"ComputeSecondsPerByte is {machine.ComputeSecondsPerByte}; it must be a number that is not negative.");
        Validate("Storage", machine.Storage);
        if (machine.Host is { } host) Validate("Host", host);
    }

    private static void Validate(string name, TierModel tier)
    {
        if (!double.IsFinite(tier.ReadBandwidth) || tier.ReadBandwidth <= 0 || !double.IsFinite(tier.WriteBandwidth) || tier.WriteBandwidth <= 0)
            throw new ConfigurationException($"{name} has bandwidths of {tier.ReadBandwidth} and {tier.WriteBandwidth} bytes per second; both must be more than 0.");
        if (tier.Interference is not (>= 0 and <= 1)) throw new ConfigurationException($"{name} has Interference {tier.Interference}; it lies between 0 and 1.");
    }
}
