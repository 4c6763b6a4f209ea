using System.Globalization;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>Kernel, processor, memory, container.</summary>
internal static class SystemChecks
{
    private const string MemoryFile = "/proc/meminfo";
    private const string CpuFile = "/proc/cpuinfo";
    private const int CpuFileBytes = 8 << 20;

    public static ReportSection Run(Machine machine) => new("System", [Kernel(machine), Processor(machine), Memory(machine), Container(machine)]);

    private static Finding Kernel(Machine machine)
    {
        const string Source = "/proc/sys/kernel/osrelease";
        if (machine.KernelRelease.Length == 0)
            return Finding.Yellow("kernel", $"unknown: {machine.Files.Read(Source).Why}", "Mount /proc; without it little can be told.", Source);
        return machine.IsKernelAtLeast(5, 11)
            ? Finding.Green("kernel", $"Linux {machine.KernelRelease}", Source)
            : Finding.Yellow("kernel", $"Linux {machine.KernelRelease}", "Use Linux 5.11 or newer: earlier io_uring lacks what TeraIO asks for, and worker threads take its place.", Source);
    }

    private static Finding Processor(Machine machine)
    {
        FileText file = machine.Files.Read(CpuFile, CpuFileBytes);
        int cores = file.Lines.Count(static l => l.StartsWith("processor", StringComparison.Ordinal));
        string name = file.Field("model name") ?? file.Field("CPU part") ?? "unknown processor";
        int nodes = machine.Files.Names("/sys/devices/system/node").Count(static n => n.StartsWith("node", StringComparison.Ordinal) && char.IsAsciiDigit(n[^1]));
        bool isVirtual = Hypervisor.IsFlagged(machine.Files);
        string text = $"{name}, {Plural(cores, "core")}" + (nodes > 1 ? $", {nodes} NUMA nodes" : "") + (isVirtual ? ", virtual machine" : "");
        return cores > 0
            ? Finding.Green("processor", text, CpuFile)
            : Finding.NotApplicable("processor", file.Why.Length > 0 ? $"unknown: {file.Why}" : "unknown", CpuFile);
    }

    private static Finding Memory(Machine machine)
    {
        FileText file = machine.Files.Read(MemoryFile);
        if (Kibibytes(file, "MemTotal") is not { } total)
            return Finding.NotApplicable("memory", file.Why.Length > 0 ? $"unknown: {file.Why}" : "unknown", MemoryFile);
        long available = Kibibytes(file, "MemAvailable") ?? 0;
        (long Bytes, string Source)? limit = MemoryLimit(machine.Files);
        bool isLimited = limit is { } l && l.Bytes < total;
        string text = $"{Figures.Bytes(total)}, {Figures.Bytes(available)} available" + (isLimited ? $"; this container may use {Figures.Bytes(limit!.Value.Bytes)}" : "");
        string[] sources = isLimited ? [MemoryFile, limit!.Value.Source] : [MemoryFile];
        return available > total / 20
            ? Finding.Green("memory", text, sources)
            : Finding.Yellow("memory", text, "End other programs or set a smaller MemoryBudget: the budget counts tensors only, the process needs more.", sources);
    }

    private static Finding Container(Machine machine)
    {
        MachineFiles files = machine.Files;
        if (machine.IsWsl)
            return Finding.Yellow("container", "WSL: no GPUDirect Storage, pinned memory limited", "Keep stores on WSL's own ext4 disk, not under /mnt/c; use Linux itself for GPUDirect Storage.", "/proc/sys/kernel/osrelease");
        if (Sign(machine) is not { } sign) return Finding.Green("container", "none seen", "/.dockerenv, /run/.containerenv, /proc/1/cgroup");
        if (!machine.HasGpu || files.Exists("/run/udev/data")) return Finding.Green("container", $"yes ({sign})", sign);
        return Finding.Yellow("container", $"yes ({sign}), without /run/udev: libcufile cannot find out which disk is an NVMe", "Add -v /run/udev:/run/udev:ro to docker run.", sign, "/run/udev/data");
    }

    private static string? Sign(Machine machine)
    {
        foreach (string file in (string[])["/.dockerenv", "/run/.containerenv"])
            if (machine.Files.Exists(file)) return file;
        string groups = machine.Files.Read("/proc/1/cgroup").Trimmed;
        if (((string[])["docker", "kubepods", "containerd", "lxc"]).Any(w => groups.Contains(w, StringComparison.Ordinal))) return "/proc/1/cgroup";
        return machine.Environment("container") is null ? null : "environment variable container";
    }

    /// <summary>The least limit of this process's control group and those above it; null when there is none.</summary>
    internal static (long Bytes, string Source)? MemoryLimit(MachineFiles files)
    {
        (long Bytes, string Source)? least = null;
        string own = files.Read("/proc/self/cgroup").Lines.FirstOrDefault(static l => l.StartsWith("0::/", StringComparison.Ordinal))?[3..].Trim() ?? "/";
        var candidates = new List<string> { "/sys/fs/cgroup/memory/memory.limit_in_bytes" };
        for (string at = own.TrimEnd('/'); ; at = at[..at.LastIndexOf('/')])
        {
            candidates.Add($"/sys/fs/cgroup{at}/memory.max");
            if (at.Length == 0 || at[0] != '/') break;
        }

        foreach (string path in candidates)
        {
            if (long.TryParse(files.Read(path).Trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) && bytes < (least?.Bytes ?? long.MaxValue)) least = (bytes, path);
        }

        return least;
    }

    internal static long? Kibibytes(FileText file, string field) =>
        long.TryParse(file.Field(field)?.Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value < long.MaxValue >> 10 ? value << 10 : null;

    private static string Plural(int count, string word) => count == 1 ? $"1 {word}" : $"{count} {word}s";
}
