using TeraIO.Cli.Doctor.Checks;

namespace TeraIO.Cli.Doctor;

/// <summary>Examines a machine. A check that fails becomes a finding: whatever the machine's files hold, there is a report.</summary>
internal static class MachineDoctor
{
    /// <summary>Looks at everything.</summary>
    /// <param name="machine">What to look at.</param>
    /// <param name="paths">Absolute directories that stores may use.</param>
    public static MachineReport Examine(Machine machine, IReadOnlyList<string> paths)
    {
        (string Title, Func<ReportSection> Run)[] checks =
        [
            ("System", () => SystemChecks.Run(machine)),
            ("Storage", () => StorageLibraryChecks.Run(machine)),
            .. paths.Select(p => ($"Path {p}", (Func<ReportSection>)(() => PathChecks.Run(machine, p, paths)))),
            ("GPU", () => NvidiaChecks.Run(machine)),
            ("GPUDirect Storage", () => GdsChecks.Run(machine)),
            ("PCIe", () => PcieChecks.Run(machine)),
            ("Libraries", () => RuntimeChecks.Run(machine)),
        ];
        var sections = new List<ReportSection>();
        foreach ((string title, Func<ReportSection> run) in checks) sections.Add(Guard(title, run));
        sections.Insert(0, Guard("What TeraIO can do here", () => Verdicts.Of(machine, sections)));
        return new MachineReport(sections);
    }

    private static ReportSection Guard(string title, Func<ReportSection> run)
    {
        try
        {
            return run();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return new ReportSection(title, [Finding.Red("check", $"failed: {e.GetType().Name}: {e.Message}", "This is a fault of teraio itself: please report it with this page.", title)]);
        }
    }
}
