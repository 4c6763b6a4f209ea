namespace TeraIO.Cli.Doctor.Checks;

/// <summary>GPUs, their driver, and CUDA's driver library.</summary>
internal static class NvidiaChecks
{
    public const string NoGpu = "no NVIDIA GPU";

    public const string GpuFolder = "/proc/driver/nvidia/gpus";
    private static readonly string[] _deviceNodes = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm"];

    public static ReportSection Run(Machine machine) => new("GPU", [Gpus(machine), VirtualMachine(machine), Driver(machine), DeviceNodes(machine), Cuda(machine), .. Backends(machine), Checksums(machine)]);

    /// <summary>As the driver names them; none where it is not loaded.</summary>
    public static IReadOnlyList<string> Models(Machine machine) => [.. machine.Files.Names(GpuFolder).Select(g => machine.Files.Read($"{GpuFolder}/{g}/information").Field("Model")).OfType<string>()];

    private static Finding Gpus(Machine machine)
    {
        if (!machine.HasGpu) return Finding.NotApplicable("gpu", NoGpu, PciDevice.Folder, NvidiaDriver.VersionFile);
        IReadOnlyList<string> models = Models(machine);
        string[] counted = [.. models.GroupBy(static m => m).Select(static g => g.Count() == 1 ? g.Key : $"{g.Count()} x {g.Key}")];
        string text = counted.Length > 0 ? string.Join(", ", counted)
            : machine.Gpus.Any() ? $"NVIDIA device {string.Join(", ", machine.Gpus.Select(static g => g.Address))}"
            : "through WSL (/dev/dxg)";
        return Finding.Green("gpu", text, models.Count > 0 ? GpuFolder : PciDevice.Folder);
    }

    /// <summary>
    /// NVIDIA says of cuFile with cloud providers that it works in compatibility mode (GPUDirect Storage release notes, v1.7.2), and of vGPUs that only some have it, none of them on Ampere (AI Enterprise, "GPUDirect RDMA and
    /// GPUDirect Storage"). The way to a disk leads through the hypervisor's IOMMU, if there is one.
    /// </summary>
    private static Finding VirtualMachine(Machine machine)
    {
        const string Name = "virtual machine";
        string[] sources = ["/proc/cpuinfo", Hypervisor.DmiFolder];
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NoGpu, sources);
        if (machine.IsWsl) return Finding.NotApplicable(Name, "WSL: see container", sources);
        return Hypervisor.Of(machine.Files) is { } hypervisor
            ? Finding.Yellow(
                Name,
                $"yes ({hypervisor.Sign}): here cuFile often has its compatibility mode only, through host memory",
                "See with 'teraio bench --backend cufile,staged' which way bytes take. For the direct one the hypervisor must pass GPU and NVMe disk through and allow peer-to-peer between them. StorageBackend.Device takes pinned memory where it is not expected.",
                hypervisor.Source)
            : Finding.Green(Name, "no sign of a hypervisor", sources);
    }

    private static Finding Driver(Machine machine)
    {
        const string Name = "driver";
        if (machine.Driver is { } driver) return Finding.Green(Name, $"{driver.VersionText}, {(driver.IsOpen ? "open" : "closed")} kernel modules", NvidiaDriver.VersionFile);
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NoGpu, NvidiaDriver.VersionFile);
        if (machine.IsWsl) return Finding.Green(Name, "of Windows, through WSL", "/usr/lib/wsl/lib/libcuda.so.1");
        string? other = machine.Gpus.Select(static g => g.Driver).FirstOrDefault(static d => d is not (null or "nvidia"));
        string why = machine.Files.Read(NvidiaDriver.VersionFile) is { IsMissing: false, Text: null } file ? file.Why : other is null ? "not loaded" : $"not loaded, {other} holds the GPU";
        return Finding.Red(
            Name, why, "Install NVIDIA's driver with the open kernel modules (Debian, Ubuntu: nvidia-open or nvidia-driver-NNN-open) and load it with 'modprobe nvidia'.", NvidiaDriver.VersionFile, PciDevice.Folder);
    }

    private static Finding DeviceNodes(Machine machine)
    {
        const string Name = "device files";
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NoGpu, _deviceNodes);
        if (machine.IsWsl) return Finding.NotApplicable(Name, "WSL has /dev/dxg instead", "/dev/dxg");
        string[] missing = [.. _deviceNodes.Where(n => !machine.Files.Exists(n))];
        return missing.Length == 0
            ? Finding.Green(Name, string.Join(", ", _deviceNodes), "/dev")
            : Finding.Red(Name, $"missing: {string.Join(", ", missing)}", "Start the container with --gpus all (NVIDIA Container Toolkit); outside one run 'nvidia-modprobe -u -c=0'.", "/dev");
    }

    private static Finding Cuda(Machine machine)
    {
        const string Name = "libcuda";
        LibraryTrial trial = machine.Library("libcuda.so.1");
        if (trial.Path is { } path)
        {
            return machine.HasGpu ? Finding.Green(Name, $"loads: {path}", "dynamic linker") : Finding.NotApplicable(Name, NoGpu, "dynamic linker");
        }

        return machine.HasGpu
            ? Finding.Red(Name, $"does not load: {trial.Reason}", "Install the driver's user-space part (libcuda.so.1, of the same version as the kernel modules); in a container use the NVIDIA Container Toolkit.", "dynamic linker")
            : Finding.NotApplicable(Name, NoGpu, "dynamic linker");
    }

    private static Finding Checksums(Machine machine)
    {
        const string Name = "checksums";
        const string Source = "the kernel in libtio_gds_shim.so";
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NoGpu, Source);
        string why = machine.Trials.WhyNoDeviceChecksums();
        return why.Length == 0
            ? Finding.Green(Name, "GPU 0 computes what the CPU does: reads of its memory are verified, and unchanged tensors are not written again", Source)
            : Finding.Yellow(Name, $"none of device memory: {why}", "Training works without: reads of device memory are not verified, and unchanged tensors are written again. If the driver does not take the kernel, update it.", Source);
    }

    /// <summary>The library's own word on its two GPU backends.</summary>
    private static IEnumerable<Finding> Backends(Machine machine)
    {
        foreach (BackendTrial trial in machine.Backends.Where(static b => b.Backend is BackendTrial.CuFile or BackendTrial.Staged))
        {
            string name = $"{trial.Name} backend";
            const string Source = "queue of libtio_gds_shim.so";
            if (trial.Works) yield return Finding.Green(name, "a queue was made", Source);
            else if (!machine.HasGpu) yield return Finding.NotApplicable(name, NoGpu, Source);
            else yield return Finding.Yellow(name, trial.Reason, "See the findings above and below; a session without this backend takes the other ways.", Source);
        }
    }
}
