using System.Buffers.Binary;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>IOMMU and Access Control Services, which send peer traffic between a disk and a GPU up to the root.</summary>
internal static class IommuChecks
{
    private const string Groups = "/sys/kernel/iommu_groups";
    private const string CommandLine = "/proc/cmdline";
    private const int ExtendedStart = 0x100;
    private const int ConfigurationBytes = 4096;
    private const int AcsCapability = 0x000D;

    /// <summary>Peer-to-peer request redirect, completion redirect and upstream forwarding.</summary>
    private const int Redirects = 0b11100;

    public static IEnumerable<Finding> Run(Machine machine)
    {
        yield return Iommu(machine);
        yield return Acs(machine);
    }

    private static bool MattersOn(Machine machine) => machine.Gpus.Any() && machine.NvmeControllers.Any();

    private static Finding Iommu(Machine machine)
    {
        const string Name = "IOMMU";
        MachineFiles files = machine.Files;
        IReadOnlyList<string> groups = files.Names(Groups);
        string setting = string.Join(' ', files.Read(CommandLine).Trimmed.Split(' ').Where(static w => w.Contains("iommu", StringComparison.Ordinal)));
        if (groups.Count == 0) return Finding.Green(Name, "off" + (setting.Length > 0 ? $" ({setting})" : ""), Groups, CommandLine);
        string[] types = [.. groups.Select(g => files.Read($"{Groups}/{g}/type").Trimmed).Where(static t => t.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string text = $"on, {(types.Length > 0 ? string.Join(", ", types) : "type unknown")}" + (setting.Length > 0 ? $" ({setting})" : "");
        if (types is ["identity"]) return Finding.Green(Name, text, Groups, CommandLine);
        return MattersOn(machine)
            ? Finding.Yellow(Name, text + ": translates peer traffic", "Add iommu=pt (or amd_iommu=off, intel_iommu=off) to the kernel's command line and reboot.", Groups, CommandLine)
            : Finding.NotApplicable(Name, text + "; matters for GPUs beside NVMe disks only", Groups, CommandLine);
    }

    private static Finding Acs(Machine machine)
    {
        const string Name = "ACS";
        if (!MattersOn(machine)) return Finding.NotApplicable(Name, "matters for GPUs beside NVMe disks only", PciDevice.Folder);
        string[] bridges = [.. machine.Gpus.Concat(machine.NvmeControllers).SelectMany(static d => d.Chain.Skip(1).SkipLast(1)).Distinct(StringComparer.Ordinal)];
        if (bridges.Length == 0) return Finding.NotApplicable(Name, "no bridge above the GPU or the disk is shown", PciDevice.Folder);
        var redirecting = new List<string>();
        bool isHidden = false;
        foreach (string bridge in bridges)
        {
            byte[] configuration = machine.Files.ReadBytes($"{PciDevice.Folder}/{bridge}/config", ConfigurationBytes);
            if (configuration.Length <= ExtendedStart) isHidden = true;
            else if ((Control(configuration) & Redirects) != 0) redirecting.Add(bridge);
        }

        string source = $"{PciDevice.Folder}/*/config";
        if (redirecting.Count > 0)
        {
            return Finding.Yellow(
                Name, $"redirects peer traffic at {string.Join(", ", redirecting.Take(4))}{(redirecting.Count > 4 ? $" and {redirecting.Count - 4} more" : "")}", "Switch ACS off in the firmware, or with 'setpci -s BRIDGE ECAP_ACS+6.w=0000' after each boot.", source);
        }

        return isHidden
            ? Finding.NotApplicable(Name, "the bridges' extended configuration is shown to root only", source)
            : Finding.Green(Name, "no bridge redirects peer traffic", source);
    }

    /// <summary>The ACS control register; 0 when there is no such capability. Each capability names the next one.</summary>
    internal static int Control(ReadOnlySpan<byte> configuration)
    {
        int at = ExtendedStart;
        for (int i = 0; i < ConfigurationBytes / 8 && at >= ExtendedStart && at + 8 <= configuration.Length; i++)
        {
            uint header = BinaryPrimitives.ReadUInt32LittleEndian(configuration[at..]);
            if ((header & 0xFFFF) == AcsCapability) return BinaryPrimitives.ReadUInt16LittleEndian(configuration[(at + 6)..]);
            at = (int)(header >> 20) & ~3;
        }

        return 0;
    }
}
