using TeraIO.Cli.Doctor.Checks;

namespace TeraIO.Cli.Doctor;

/// <summary>The machine under examination, and what several checks need to know of it. Not thread-safe.</summary>
/// <param name="files">Its files.</param>
/// <param name="trials">What is tried on it.</param>
/// <param name="environment">Its environment variables; null for one that is not set.</param>
internal sealed class Machine(MachineFiles files, IMachineTrials trials, Func<string, string?> environment)
{
    private readonly Lazy<IReadOnlyList<PciDevice>> _pci = new(() => PciDevice.All(files));
    private readonly Lazy<IReadOnlyList<BackendTrial>> _backends = new(trials.Backends);
    private readonly Lazy<NvidiaDriver?> _driver = new(() => NvidiaDriver.Of(files));
    private readonly Lazy<bool> _nvidiaFs = new(() => GdsChecks.IsModuleLoaded(files));
    private readonly Lazy<MountTable> _mounts = new(() => MountTable.Of(files));
    private readonly Dictionary<string, LibraryTrial> _libraries = new(StringComparer.Ordinal);

    /// <summary>The machine that this runs on.</summary>
    public static Machine Live() => new(new MachineFiles("/"), new MachineTrials(), static name => System.Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null);

    public MachineFiles Files => files;

    public IMachineTrials Trials => trials;

    public IReadOnlyList<BackendTrial> Backends => _backends.Value;

    public IReadOnlyList<PciDevice> Pci => _pci.Value;

    public IEnumerable<PciDevice> Gpus => Pci.Where(static d => d.IsNvidiaGpu);

    public IEnumerable<PciDevice> NvmeControllers => Pci.Where(static d => d.IsNvme);

    /// <summary>The loaded NVIDIA kernel driver; null when there is none.</summary>
    public NvidiaDriver? Driver => _driver.Value;

    /// <summary>Whether the kernel module nvidia-fs is loaded.</summary>
    public bool HasNvidiaFs => _nvidiaFs.Value;

    public MountTable Mounts => _mounts.Value;

    /// <summary>Release of the kernel, such as <c>6.8.0-45-generic</c>; empty when it cannot be read.</summary>
    public string KernelRelease { get; } = files.Read("/proc/sys/kernel/osrelease").Trimmed;

    /// <summary>Windows Subsystem for Linux, which shows GPUs as /dev/dxg instead of PCI devices.</summary>
    public bool IsWsl => KernelRelease.Contains("microsoft", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether there is an NVIDIA GPU, as PCI device, through its driver or through WSL.</summary>
    public bool HasGpu => Gpus.Any() || Driver is not null || (IsWsl && Files.Exists("/usr/lib/wsl/lib/libcuda.so.1"));

    public BackendTrial Backend(uint backend) => Backends.Single(b => b.Backend == backend);

    public string? Environment(string name) => environment(name);

    /// <summary>Tries a library once.</summary>
    public LibraryTrial Library(string name)
    {
        if (!_libraries.TryGetValue(name, out LibraryTrial? trial)) _libraries[name] = trial = trials.Load(name);
        return trial;
    }

    /// <summary>Whether the kernel is at least that version; false when it cannot be read.</summary>
    public bool IsKernelAtLeast(int major, int minor) => Versions.Of(KernelRelease) is { } version && version >= new Version(major, minor);
}
