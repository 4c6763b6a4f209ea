using System.Globalization;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>A device on the PCI bus, from sysfs.</summary>
/// <param name="Address">Such as <c>0000:01:00.0</c>.</param>
/// <param name="Class">Base class, subclass and interface, such as 0x010802 for NVMe.</param>
/// <param name="Vendor">Such as 0x10DE for NVIDIA.</param>
/// <param name="Node">NUMA node; -1 when the machine has none or does not say.</param>
/// <param name="Link">Speed and width now, and the most that the device can do.</param>
/// <param name="Chain">Root, bridges and the device itself, from the root down.</param>
/// <param name="Driver">Name of the kernel driver bound to it; null when there is none.</param>
internal sealed record PciDevice(string Address, int Class, int Vendor, int Node, PciLink Link, IReadOnlyList<string> Chain, string? Driver)
{
    public const string Folder = "/sys/bus/pci/devices";

    private const int NvidiaVendor = 0x10DE;
    private const int NvmeClass = 0x010802;
    private const int Display = 0x03;
    private const int MostDevices = 1024;

    public bool IsNvme => Class == NvmeClass;

    public bool IsNvidiaGpu => Vendor == NvidiaVendor && Class >> 16 == Display;

    /// <summary>Every device; none when sysfs does not show the bus.</summary>
    public static IReadOnlyList<PciDevice> All(MachineFiles files) =>
        [.. files.Names(Folder).Take(MostDevices).Select(address => Of(files, address))];

    /// <summary>Where the device's files are.</summary>
    public string File(string name) => $"{Folder}/{Address}/{name}";

    private static PciDevice Of(MachineFiles files, string address)
    {
        string folder = $"{Folder}/{address}";
        string[] chain = [.. files.Canonical(folder).Split('/', StringSplitOptions.RemoveEmptyEntries).SkipWhile(static p => !p.StartsWith("pci", StringComparison.Ordinal))];
        string driver = files.Canonical(folder + "/driver");
        return new PciDevice(
            address,
            Hex(files.Read(folder + "/class").Trimmed),
            Hex(files.Read(folder + "/vendor").Trimmed),
            int.TryParse(files.Read(folder + "/numa_node").Trimmed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int node) ? node : -1,
            PciLink.Of(files, folder),
            chain.Length > 0 ? chain : [address],
            files.Exists(folder + "/driver") ? driver[(driver.LastIndexOf('/') + 1)..] : null);
    }

    private static int Hex(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal) && int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) ? value : 0;
}
