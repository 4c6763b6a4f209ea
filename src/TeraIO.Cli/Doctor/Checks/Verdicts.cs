namespace TeraIO.Cli.Doctor.Checks;

/// <summary>What follows from everything else: the ways that bytes can take on this machine.</summary>
internal static class Verdicts
{
    public static ReportSection Of(Machine machine, IReadOnlyList<ReportSection> sections) =>
        new("What TeraIO can do here", [Host(machine, sections), Staged(machine), Direct(machine, sections)]);

    private static Finding Host(Machine machine, IReadOnlyList<ReportSection> sections)
    {
        const string Name = "memory to SSD";
        Finding[] direct = [.. sections.SelectMany(static s => s.Findings).Where(static f => f.Name == "direct I/O")];
        if (!machine.Backend(BackendTrial.Threads).Works) return Finding.Red(Name, "no: the storage library does not load", "See tio_gds_shim below.", "Storage");
        if (direct.Length == 0)
            return Finding.Red(Name, "no: none of the given directories exists", "Name existing directories with --path.", "Paths");
        Finding[] bad = [.. sections.Where(static s => s.Title.StartsWith("Path ", StringComparison.Ordinal)).SelectMany(static s => s.Findings).Where(static f => f.State == FindingState.Red)];
        if (bad.Length > 0) return Finding.Red(Name, $"not on every path: {string.Join(", ", bad.Select(static f => f.Name).Distinct(StringComparer.Ordinal))}", "See the paths below.", "Paths");
        string how = machine.Backend(BackendTrial.Uring).Works ? "io_uring" : "worker threads";
        return how == "io_uring" && direct.All(static f => f.State == FindingState.Green)
            ? Finding.Green(Name, "yes, io_uring with O_DIRECT", "Storage", "Paths")
            : Finding.Yellow(Name, $"yes, slower than it could be: {how}, {(direct.All(static f => f.State == FindingState.Green) ? "O_DIRECT" : "page cache on some path")}", "See io_uring and direct I/O below.", "Storage", "Paths");
    }

    private static Finding Staged(Machine machine)
    {
        const string Name = "GPU, staged";
        BackendTrial trial = machine.Backend(BackendTrial.Staged);
        if (trial.Works) return Finding.Green(Name, "yes, through pinned memory", "GPU");
        return machine.HasGpu ? Finding.Red(Name, $"no: {trial.Reason}", "See the GPU's lines below.", "GPU") : Finding.NotApplicable(Name, NvidiaChecks.NoGpu, "GPU");
    }

    private static Finding Direct(Machine machine, IReadOnlyList<ReportSection> sections)
    {
        const string Name = "GPU, direct";
        string[] sources = ["GPU", "GPUDirect Storage"];
        BackendTrial trial = machine.Backend(BackendTrial.CuFile);
        if (!machine.HasGpu) return Finding.NotApplicable(Name, NvidiaChecks.NoGpu, sources);
        bool isPeer = machine.HasNvidiaFs || P2pDmaChecks.IsReady(sections.SelectMany(static s => s.Findings));
        if (!trial.Works) return Finding.Yellow(Name, $"no: {trial.Reason}", "See GPUDirect Storage below; bytes go through pinned memory instead.", sources);
        return isPeer
            ? Finding.Green(Name, $"set up, over {(machine.HasNvidiaFs ? "nvidia-fs" : "PCI P2PDMA")}; each file's real way is told when it is opened", sources)
            : Finding.Yellow(Name, "cuFile works in compatibility mode only: its bytes go through the processor", "Load nvidia-fs or set up PCI P2PDMA, see below.", sources);
    }
}
