using System.IO.Compression;
using System.Text;
using CommunityToolkit.HighPerformance.Buffers;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>What GPUDirect Storage over PCI P2PDMA, the way without nvidia-fs, needs of kernel, driver and disks.</summary>
internal static class P2pDmaChecks
{
    private const string Parameters = "/proc/driver/nvidia/params";
    private const string Multipath = "/sys/module/nvme_core/parameters/multipath";
    private const string Symbols = "/proc/kallsyms";
    private const string Wanted = "RMForceStaticBar1=1;RmForceDisableIomapWC=1;";
    private const long SymbolBytes = 64L << 20;
    private const int ConfigurationBytes = 4 << 20;
    private static readonly Version _leastDriver = new(565, 47);

    // NVIDIA's list: GPUDirect Storage Installation and Troubleshooting Guide, "P2PDMA Supported GPUs"
    // (docs.nvidia.com/gpudirect-storage/troubleshooting-guide/nvme-p2pdma-troubleshooting.html, 14.2, read in November 2026).
    private static readonly string[] _listedGpus = ["A100", "A40", "L4", "L40S", "H100", "H200", "B100", "B200", "B300"];

    public static IEnumerable<Finding> Run(Machine machine, CuFileConfiguration configuration)
    {
        if (!machine.HasGpu || machine.IsWsl)
        {
            yield return Finding.NotApplicable("P2PDMA", machine.IsWsl && machine.HasGpu ? "WSL has none" : NvidiaChecks.NoGpu, PciDevice.Folder);
            yield break;
        }

        Finding[] needs = [.. Models(machine), Kernel(machine), Driver(machine), Registry(machine), NvmeMultipath(machine), Bar1(machine)];
        yield return Whole(machine, configuration, needs);
        foreach (Finding need in needs) yield return need;
    }

    /// <summary>Whether the machine, as far as files tell, is set up for it.</summary>
    public static bool IsReady(IEnumerable<Finding> findings) => findings.Any(static f => f is { Name: "P2PDMA", State: FindingState.Green });

    private static Finding Whole(Machine machine, CuFileConfiguration configuration, Finding[] needs)
    {
        const string Name = "P2PDMA";
        string[] open = [.. needs.Where(static f => f.State != FindingState.Green).Select(static f => f.Name)];
        bool isAsked = configuration.Flag("properties", "use_pci_p2pdma") == true && configuration.Flag("block", "nvme", "use_pci_p2pdma") == true;
        if (open.Length == 0 && isAsked) return Finding.Green(Name, "everything that can be read is set up", configuration.Path);
        string text = open.Length == 0 ? "possible, but not switched on in cufile.json" : $"not possible: {string.Join(", ", open)}";
        return machine.HasNvidiaFs
            ? Finding.NotApplicable(Name, $"{text}; nvidia-fs is loaded instead", configuration.Path)
            : Finding.Yellow(Name, text, open.Length == 0 ? "Set use_pci_p2pdma in properties and in block.nvme of cufile.json." : "See the lines below, or load nvidia-fs. Without either, bytes for the GPU go through host memory.", configuration.Path);
    }

    /// <summary>Nothing where the driver does not name them.</summary>
    private static IEnumerable<Finding> Models(Machine machine)
    {
        const string Name = "P2PDMA GPU";
        IReadOnlyList<string> models = NvidiaChecks.Models(machine);
        if (models.Count == 0) yield break;
        string[] others = [.. models.Where(static m => !IsListed(m)).Distinct(StringComparer.Ordinal)];
        yield return others.Length == 0
            ? Finding.Green(Name, $"{string.Join(", ", models.Distinct(StringComparer.Ordinal))}: listed by NVIDIA", NvidiaChecks.GpuFolder)
            : Need(
                machine,
                Name,
                $"{string.Join(", ", others)}: not among the GPUs that NVIDIA lists ({string.Join(", ", _listedGpus)})",
                "Load nvidia-fs instead, if it supports the GPU; or try it: 'teraio bench --backend cufile' tells which way bytes take.",
                NvidiaChecks.GpuFolder);
    }

    // "NVIDIA A100-SXM4-80GB" is an A100, "NVIDIA L40" no L4 and no L40S, "NVIDIA GH200 480GB" no H200.
    private static bool IsListed(string model) => model.Split(' ', '-', '/').Any(static word => _listedGpus.Contains(word, StringComparer.OrdinalIgnoreCase));

    private static Finding Kernel(Machine machine)
    {
        const string Name = "P2PDMA kernel";
        if (!machine.IsKernelAtLeast(6, 2))
            return Need(machine, Name, $"Linux {machine.KernelRelease} is older than 6.2", "Boot Linux 6.2 or newer.", "/proc/sys/kernel/osrelease");
        (bool? isBuilt, string source) = IsBuiltIn(machine);
        return isBuilt switch
        {
            true => Finding.Green(Name, "CONFIG_PCI_P2PDMA is built in", source),
            false => Need(machine, Name, "built without CONFIG_PCI_P2PDMA", "Boot a kernel with CONFIG_PCI_P2PDMA=y (Ubuntu's have it).", source),
            null => Need(machine, Name, "cannot be told: neither the kernel's configuration nor its symbols can be read", "Run teraio doctor as root.", source),
        };
    }

    private static (bool? IsBuilt, string Source) IsBuiltIn(Machine machine)
    {
        MachineFiles files = machine.Files;
        bool isFound = false;
        byte[] symbol = "p2pdma_pgmap_ops"u8.ToArray();
        bool isReadable = files.Scan(Symbols, symbol.Length, SymbolBytes, piece => !(isFound = piece.Span.IndexOf(symbol) >= 0));
        if (isFound) return (true, Symbols);
        foreach (string path in (string[])["/proc/config.gz", $"/boot/config-{machine.KernelRelease}", $"/lib/modules/{machine.KernelRelease}/config"])
        {
            string text = path.EndsWith(".gz", StringComparison.Ordinal) ? Unpacked(files.ReadBytes(path, ConfigurationBytes)) : files.Read(path, ConfigurationBytes).Text ?? "";
            if (text.Length > 0) return (text.Contains("\nCONFIG_PCI_P2PDMA=y", StringComparison.Ordinal), path);
        }

        return (isReadable ? false : null, Symbols);
    }

    private static string Unpacked(byte[] packed)
    {
        try
        {
            using var stream = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
            using SpanOwner<byte> text = SpanOwner<byte>.Allocate(ConfigurationBytes);
            return Encoding.ASCII.GetString(text.Span[..stream.ReadAtLeast(text.Span, text.Length, throwOnEndOfStream: false)]);
        }
        catch (InvalidDataException)
        {
            return "";
        }
    }

    private static Finding Driver(Machine machine)
    {
        const string Name = "P2PDMA driver";
        const string Remedy = "Install the open kernel modules, 565.47 or newer.";
        if (machine.Driver is not { } driver) return Need(machine, Name, "no driver", Remedy, NvidiaDriver.VersionFile);
        if (!driver.IsOpen) return Need(machine, Name, $"{driver.VersionText} with closed kernel modules", Remedy, NvidiaDriver.VersionFile);
        if (driver.Version is null || driver.Version < _leastDriver) return Need(machine, Name, $"{driver.VersionText} is older than {_leastDriver}", Remedy, NvidiaDriver.VersionFile);
        return driver.Version.Major == 570
            ? Finding.Green(Name, $"{driver.VersionText}, open; 570 loses about 4 MiB per GPU and process with static BAR1", NvidiaDriver.VersionFile)
            : Finding.Green(Name, $"{driver.VersionText}, open", NvidiaDriver.VersionFile);
    }

    private static Finding Registry(Machine machine)
    {
        const string Name = "P2PDMA registry";
        FileText file = machine.Files.Read(Parameters);
        string? words = file.Field("RegistryDwords")?.Trim('"');
        bool isSet = words is not null && Wanted.Split(';', StringSplitOptions.RemoveEmptyEntries).All(w => words.Contains(w, StringComparison.OrdinalIgnoreCase));
        if (isSet) return Finding.Green(Name, words!, Parameters);
        string text = words is null ? file.Why.Length > 0 ? $"unknown: {file.Why}" : "RegistryDwords is not there" : words.Length == 0 ? "RegistryDwords is empty" : $"RegistryDwords is \"{(words.Length > 100 ? words[..100] : words)}\"";
        return Need(machine, Name, text, $"Put 'options nvidia NVreg_RegistryDwords=\"{Wanted}\"' into /etc/modprobe.d/nvidia-gds.conf, 'update-initramfs -u', reboot.", Parameters);
    }

    private static Finding NvmeMultipath(Machine machine)
    {
        const string Name = "P2PDMA multipath";
        FileText file = machine.Files.Read(Multipath);
        return file.Trimmed switch
        {
            "N" => Finding.Green(Name, "off", Multipath),
            "Y" => Need(machine, Name, "nvme_core.multipath is on", "Add nvme_core.multipath=N to the kernel's command line and reboot.", Multipath),
            _ when file.IsMissing => Finding.Green(Name, "the kernel has none", Multipath),
            _ => Need(machine, Name, $"unknown: {file.Why}", "Look at it as root.", Multipath),
        };
    }

    /// <summary>The second line of a device's resource file: first and last address of BAR1.</summary>
    private static Finding Bar1(Machine machine)
    {
        const string Name = "P2PDMA BAR1";
        const long Small = 256L << 20;
        (PciDevice Gpu, long Bytes)[] sizes = [.. machine.Gpus.Select(g => (g, Bar1Bytes(machine.Files, g)))];
        if (sizes.Length == 0) return Need(machine, Name, "the GPU's PCI device is not shown here", "Run teraio doctor outside the container.", PciDevice.Folder);
        (PciDevice gpu, long least) = sizes.MinBy(static s => s.Bytes);
        string source = gpu.File("resource");
        if (least == 0) return Need(machine, Name, "its size cannot be read", "Run teraio doctor outside the container, or as root.", source);
        return least <= Small
            ? Need(machine, Name, $"{Figures.Bytes(least)} at {gpu.Address}: smaller than the GPU's memory", "Switch on 'Above 4G decoding' and 'Resizable BAR' in the firmware; on some boards 'nvidia-smi' or displaymodeselector sets the GPU's mode.", source)
            : Finding.Green(Name, $"{Figures.Bytes(least)}; it must be larger than the GPU's memory", source);
    }

    private static long Bar1Bytes(MachineFiles files, PciDevice gpu)
    {
        string[] range = files.Read(gpu.File("resource")).Lines.ElementAtOrDefault(1)?.Split(' ') ?? [];
        return range.Length >= 2 && TryHex(range[0], out ulong first) && TryHex(range[1], out ulong last) && last > first && last - first < long.MaxValue ? (long)(last - first) + 1 : 0;
    }

    private static bool TryHex(string text, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(text.AsSpan(2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out value);
    }

    /// <summary>With nvidia-fs loaded an unmet need costs nothing.</summary>
    private static Finding Need(Machine machine, string name, string text, string remedy, string source) =>
        machine.HasNvidiaFs ? Finding.NotApplicable(name, text, source) : Finding.Yellow(name, text, remedy, source);
}
