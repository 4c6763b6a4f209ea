using System.Text.Json;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>GPUDirect Storage: nvidia-fs, libcufile and its configuration.</summary>
internal static class GdsChecks
{
    private const string ModuleFolder = "/proc/driver/nvidia-fs";
    private const string ModuleList = "/proc/modules";
    private const int ModuleListBytes = 1 << 20;

    public static ReportSection Run(Machine machine)
    {
        CuFileConfiguration configuration = CuFileConfiguration.Of(machine);
        return new ReportSection("GPUDirect Storage", [Module(machine), Library(machine), .. Configuration(machine, configuration), .. P2pDmaChecks.Run(machine, configuration)]);
    }

    public static bool IsModuleLoaded(MachineFiles files) => files.Exists(ModuleFolder + "/version") || IsListed(files);

    private static Finding Module(Machine machine)
    {
        const string Name = "nvidia-fs";
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NvidiaChecks.NoGpu, ModuleFolder, ModuleList);
        if (machine.IsWsl) return Finding.NotApplicable(Name, "WSL has none", ModuleFolder);
        if (!machine.HasNvidiaFs)
        {
            return Finding.Yellow(
                Name, "not loaded", "Install it and load it ('apt-get install nvidia-gds', 'modprobe nvidia_fs'); not needed where PCI P2PDMA is set up (below).", ModuleFolder, ModuleList);
        }

        FileText version = machine.Files.Read(ModuleFolder + "/version");
        string text = version.Field("version") is { } number ? $"loaded, version {number}" : "loaded";
        return machine.IsKernelAtLeast(6, 17)
            ? Finding.Yellow(Name, text + "; with disks that use scatter-gather lists it can hang on Linux 6.17 and newer", "Use PCI P2PDMA on this kernel (below), or an older kernel.", ModuleFolder, "/proc/sys/kernel/osrelease")
            : Finding.Green(Name, text, ModuleFolder);
    }

    private static Finding Library(Machine machine)
    {
        const string Name = "libcufile";
        LibraryTrial trial = machine.Library("libcufile.so.0");
        string[] onDisk = trial.Path is null ? [.. LibraryFolders.Of(machine).Select(static d => d + "/libcufile.so.0").Where(machine.Files.Exists)] : [];
        if (!machine.HasGpu)
            return Finding.NotApplicable(Name, NvidiaChecks.NoGpu, "dynamic linker");
        if (trial.Path is { } path) return Finding.Green(Name, $"loads: {path}", "dynamic linker");
        return onDisk.Length > 0
            ? Finding.Yellow(Name, $"is at {onDisk[0]}, but the dynamic linker does not look there", $"Add it: LD_LIBRARY_PATH={System.IO.Path.GetDirectoryName(onDisk[0])}, or a file in /etc/ld.so.conf.d and 'ldconfig'.", "dynamic linker", onDisk[0])
            : Finding.Yellow(Name, $"not found: {trial.Reason}", "Install it: 'apt-get install libcufile-13-0' (of your CUDA), or 'pip install nvidia-cufile'. Without it bytes go through pinned memory.", "dynamic linker", "CUDA's and pip's folders");
    }

    private static IEnumerable<Finding> Configuration(Machine machine, CuFileConfiguration file)
    {
        const string Name = "cufile.json";
        if (!machine.HasGpu)
        {
            yield return Finding.NotApplicable(Name, NvidiaChecks.NoGpu, file.Path);
            yield break;
        }

        if (!file.IsRead)
        {
            if (file.State.IsMissing)
                yield return Finding.Yellow(Name, $"there is no {file.Path}: libcufile's defaults hold", $"Copy the one of the CUDA toolkit (gds/cufile.json) there, or name another in {CuFileConfiguration.Variable}.", file.Path);
            else
                yield return Finding.Red(Name, $"{file.Path}: {file.Fault}", "Repair it: libcufile ignores what it cannot read. Comments (//) are allowed.", file.Path);
            yield break;
        }

        yield return Finding.Green(Name, Summary(file), file.Path);
        foreach (Finding fault in Faults(file)) yield return fault;
    }

    private static string Summary(CuFileConfiguration file)
    {
        string Show(string name) => file.Value("properties", name) is { ValueKind: not JsonValueKind.Undefined } value ? $"{name} {value.GetRawText()}" : $"{name} by default";
        string shown = string.Join(", ", ((string[])["allow_compat_mode", "force_compat_mode", "use_pci_p2pdma", "max_direct_io_size_kb", "max_device_pinned_mem_size_kb"]).Select(Show));
        return $"{file.Path}: {(shown.Length > 400 ? shown[..400] : shown)}";
    }

    private static IEnumerable<Finding> Faults(CuFileConfiguration file)
    {
        if (file.Value("fs", "block").ValueKind != JsonValueKind.Undefined || file.Value("properties", "block").ValueKind != JsonValueKind.Undefined)
            yield return Finding.Red("cufile.json block", "\"block\" stands inside another section, where libcufile does not see it", "Move \"block\" to the top level of the file.", file.Path);
        if (file.Flag("properties", "force_compat_mode") == true)
            yield return Finding.Yellow("cufile.json compat", "force_compat_mode is true: every byte goes through the processor", "Set properties.force_compat_mode to false for GPUDirect Storage.", file.Path);
        bool inProperties = file.Flag("properties", "use_pci_p2pdma") == true;
        bool inBlock = file.Flag("block", "nvme", "use_pci_p2pdma") == true;
        if (inProperties != inBlock)
        {
            yield return Finding.Red(
                "cufile.json p2pdma", $"use_pci_p2pdma is true in {(inProperties ? "properties" : "block.nvme")} only", "Set properties.use_pci_p2pdma and block.nvme.use_pci_p2pdma both, or neither.", file.Path);
        }

        if (file.Number("properties", "max_direct_io_size_kb") is { } most && (most <= 0 || most % 64 != 0))
            yield return Finding.Red("cufile.json size", $"max_direct_io_size_kb is {most}", "Use a positive multiple of 64, such as 16384.", file.Path);
        if (file.Number("properties", "max_device_cache_size_kb") is { } cache && file.Number("properties", "per_buffer_cache_size_kb") is > 0 and var perBuffer
            && file.Number("properties", "io_batchsize") is { } batch && cache / perBuffer < batch)
        {
            yield return Finding.Yellow(
                "cufile.json cache", $"max_device_cache_size_kb / per_buffer_cache_size_kb is {cache / perBuffer}, less than io_batchsize {batch}", "Raise the cache or lower io_batchsize: batches may wait for bounce buffers.", file.Path);
        }
    }

    private static bool IsListed(MachineFiles files) =>
        files.Read(ModuleList, ModuleListBytes).Lines.Any(static l => l.StartsWith("nvidia_fs ", StringComparison.Ordinal));
}
