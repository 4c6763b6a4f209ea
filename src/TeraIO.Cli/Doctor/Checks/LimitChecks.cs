using System.Globalization;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>What the process may lock and pin.</summary>
internal static class LimitChecks
{
    /// <summary>Registered buffers and a ring of the size that transfers use.</summary>
    private const long EnoughLocked = 64L << 20;

    private const int IpcLockCapability = 14;
    private const string LimitsFile = "/proc/self/limits";
    private const string StatusFile = "/proc/self/status";

    public static IEnumerable<Finding> Run(Machine machine)
    {
        yield return Locked(machine.Files);
        yield return Pinned(machine);
    }

    private static Finding Locked(MachineFiles files)
    {
        const string Name = "locked memory";
        if (MayLockAnything(files)) return Finding.Green(Name, "unlimited (CAP_IPC_LOCK)", StatusFile);
        FileText limits = files.Read(LimitsFile);
        string? line = limits.Lines.FirstOrDefault(static l => l.StartsWith("Max locked memory", StringComparison.Ordinal));
        string soft = line?["Max locked memory".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault() ?? "";
        if (soft == "unlimited") return Finding.Green(Name, "unlimited", LimitsFile);
        if (!long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)) return Finding.NotApplicable(Name, limits.Why.Length > 0 ? $"unknown: {limits.Why}" : "unknown", LimitsFile);
        return bytes >= EnoughLocked
            ? Finding.Green(Name, $"{Figures.Bytes(bytes)} (ulimit -l)", LimitsFile)
            : Finding.Yellow(
                Name,
                $"{Figures.Bytes(bytes)} (ulimit -l): transfers work, buffers registered beyond it do not",
                "Raise it: 'ulimit -l unlimited', memlock in /etc/security/limits.conf, LimitMEMLOCK=infinity for systemd, or --ulimit memlock=-1 for docker.",
                LimitsFile);
    }

    private static Finding Pinned(Machine machine)
    {
        const string Name = "pinned memory";
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NvidiaChecks.NoGpu, PciDevice.Folder);
        if (SystemChecks.Kibibytes(machine.Files.Read("/proc/meminfo"), "MemAvailable") is not { } available) return Finding.NotApplicable(Name, "unknown", "/proc/meminfo");
        (long Bytes, string Source)? limit = SystemChecks.MemoryLimit(machine.Files);
        long most = Math.Min(available, limit?.Bytes ?? long.MaxValue);
        string source = most < available ? limit!.Value.Source : "/proc/meminfo";
        return machine.IsWsl
            ? Finding.Yellow(Name, $"at most {Figures.Bytes(most)}, and WSL pins only part of it", "Give WSL more memory in .wslconfig, or use Linux itself.", source)
            : Finding.Green(Name, $"CUDA pins what memory there is, at most {Figures.Bytes(most)}; ulimit -l does not bind it", source);
    }

    private static bool MayLockAnything(MachineFiles files) =>
        ulong.TryParse(files.Read(StatusFile).Field("CapEff"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong capabilities) && (capabilities & (1UL << IpcLockCapability)) != 0;
}
