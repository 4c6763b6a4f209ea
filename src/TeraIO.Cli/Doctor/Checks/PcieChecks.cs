namespace TeraIO.Cli.Doctor.Checks;

/// <summary>Where NVMe disks and GPUs sit on the bus, and what lies between them.</summary>
internal static class PcieChecks
{
    private const string NvmeFolder = "/sys/class/nvme";
    private const int MostPairs = 64;

    public static ReportSection Run(Machine machine)
    {
        var findings = new List<Finding>();
        if (!machine.NvmeControllers.Any()) findings.Add(Finding.NotApplicable("nvme", "no NVMe disk on the bus", PciDevice.Folder));
        findings.AddRange(machine.NvmeControllers.Select(d => Nvme(machine.Files, d)));
        findings.AddRange(machine.Gpus.Select(Gpu));
        findings.AddRange(machine.Gpus.SelectMany(g => machine.NvmeControllers.Select(n => Pair(g, n, machine.NvmeControllers.Max(o => Shared(g, o)) > 0))).Take(MostPairs));
        findings.AddRange(IommuChecks.Run(machine));
        return new ReportSection("PCIe", findings);
    }

    /// <summary>The name that the kernel gave an NVMe controller, such as nvme0; its address where there is none.</summary>
    public static string NameOf(MachineFiles files, PciDevice device) =>
        files.Names(NvmeFolder).FirstOrDefault(n => files.Canonical($"{NvmeFolder}/{n}").Contains($"/{device.Address}/", StringComparison.Ordinal)) ?? device.Address;

    private static Finding Nvme(MachineFiles files, PciDevice device)
    {
        string name = NameOf(files, device);
        string model = files.Read($"{NvmeFolder}/{name}/model").Trimmed;
        string text = $"{(model.Length > 0 ? model + ", " : "")}{device.Link}{Node(device)}";
        string[] sources = [device.File("current_link_speed"), device.File("current_link_width")];
        if (device.Link.IsNarrow)
            return Finding.Yellow(name, text, "It runs on fewer lanes than it has: look at the slot, the riser and the firmware's bifurcation setting.", sources);
        return device.Link.IsSlow
            ? Finding.Yellow(name, text, "It runs below its speed: an older slot, or the firmware limits it.", sources)
            : Finding.Green(name, text, sources);
    }

    /// <summary>An idle GPU lowers its link's speed, so only lanes tell.</summary>
    private static Finding Gpu(PciDevice device)
    {
        string name = $"gpu {device.Address}";
        string text = $"{device.Link}{Node(device)}";
        string[] sources = [device.File("current_link_speed"), device.File("current_link_width")];
        return device.Link.IsNarrow
            ? Finding.Yellow(name, text, "It runs on fewer lanes than it has: look at the slot, the riser and the firmware's bifurcation setting.", sources)
            : Finding.Green(name, text + (device.Link.IsSlow ? "; an idle GPU slows its link down" : ""), sources);
    }

    private static Finding Pair(PciDevice gpu, PciDevice nvme, bool hasNearer)
    {
        string name = $"{gpu.Address} - {nvme.Address}";
        int shared = Shared(gpu, nvme);
        string nodes = gpu.Node >= 0 && nvme.Node >= 0 && gpu.Node != nvme.Node ? $" (NUMA nodes {gpu.Node} and {nvme.Node})" : "";
        if (shared >= 2) return Finding.Green(name, "below one switch: peer traffic need not pass the processor" + nodes, PciDevice.Folder);
        if (shared == 1) return Finding.Green(name, "one root complex, different ports" + nodes, PciDevice.Folder);
        return hasNearer
            ? Finding.Green(name, "different root complexes; this GPU has a nearer disk" + nodes, PciDevice.Folder)
            : Finding.Yellow(name, "different root complexes: peer traffic crosses the processor" + nodes, "Move one of them to a slot of the other's root complex where there is one; else staging through host memory may be faster - teraio bench shows.", PciDevice.Folder);
    }

    /// <summary>Bridges above both, their root included.</summary>
    private static int Shared(PciDevice one, PciDevice other) => one.Chain.Zip(other.Chain).TakeWhile(static p => p.First == p.Second).Count();

    private static string Node(PciDevice device) => device.Node >= 0 ? $", NUMA node {device.Node}" : "";
}
