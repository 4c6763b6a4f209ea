namespace TeraIO.Cli.Doctor.Checks;

/// <summary>The signs that a machine is a virtual one.</summary>
/// <param name="Sign">What was seen.</param>
/// <param name="Source">Where.</param>
internal sealed record Hypervisor(string Sign, string Source)
{
    /// <summary>Where firmware says what the machine is.</summary>
    public const string DmiFolder = "/sys/class/dmi/id";

    private const string CpuFile = "/proc/cpuinfo";
    private const int CpuFileBytes = 8 << 20;

    // What hypervisors put into the names of their machines. "Virtual Machine" is Hyper-V's.
    private static readonly string[] _machines =
        ["QEMU", "KVM", "OpenStack", "KubeVirt", "VMware", "VirtualBox", "Xen", "Bochs", "Parallels", "BHYVE", "Virtual Machine", "Google Compute Engine", "Amazon EC2", "Nutanix AHV"];

    /// <summary>Null when nothing was seen.</summary>
    public static Hypervisor? Of(MachineFiles files) => IsFlagged(files) ? new Hypervisor("the processor's flag \"hypervisor\"", CpuFile) : Named(files);

    /// <summary>The flag that hypervisors on x86 set in CPUID for their guests.</summary>
    public static bool IsFlagged(MachineFiles files) => (files.Read(CpuFile, CpuFileBytes).Field("flags") ?? "").Split(' ').Contains("hypervisor");

    private static Hypervisor? Named(MachineFiles files)
    {
        string product = files.Read($"{DmiFolder}/product_name").Trimmed;
        // EC2 has machines without a hypervisor, which say so.
        if (product.EndsWith(".metal", StringComparison.Ordinal) || product.Contains(".metal-", StringComparison.Ordinal)) return null;
        foreach (string name in (string[])["sys_vendor", "product_name"])
        {
            string text = files.Read($"{DmiFolder}/{name}").Trimmed;
            if (_machines.Any(m => text.Contains(m, StringComparison.OrdinalIgnoreCase))) return new Hypervisor(text, $"{DmiFolder}/{name}");
        }

        return null;
    }
}
