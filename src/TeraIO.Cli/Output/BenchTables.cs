using System.Globalization;
using TeraIO.Cli.Bench;
using TeraIO.Cli.Doctor;
using TeraIO.Core.Storage;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Output;

/// <summary>Measurements as tables: one per path and direction, each backend beside the plain loop that does the same work without it.</summary>
internal static class BenchTables
{
    public static void Print(CommandConsole console, BenchResult result, IReadOnlyList<BackendTrial> trials, BandwidthProfile? profile)
    {
        foreach (var group in result.Cells.GroupBy(static c => (c.Path, c.Direction))) console.Write(Table(group.Key.Path, group.Key.Direction, [.. group]));
        console.Out.WriteLine();
        bool isOfDevice = IsOfDevice(result.Cells);
        foreach (BackendTrial trial in trials.Where(t => !t.Works || (!isOfDevice && t.Backend is BackendTrial.CuFile or BackendTrial.Staged)))
        {
            string reason = trial.Works ? $"not measured: '--backend {trial.Name}' measures a GPU's memory" : $"not available: {trial.Reason}";
            Say(console, $"{trial.Name}: {reason}");
        }

        foreach (BenchRoute route in result.Routes) Say(console, $"{route.Backend} in {route.Path}: {(route.IsDirect ? "directly" : "through host memory")}; {route.Text}");
        foreach (PathBandwidth path in profile?.Paths ?? []) Print(console, path, result, profile!);
    }

    private static bool IsOfDevice(IReadOnlyList<BenchCell> cells) => cells.Any(static c => c.Backend == BenchNames.Loop);

    /// <summary>What backends are compared with: it moves the same bytes from and to the same memory.</summary>
    private static string Baseline(IReadOnlyList<BenchCell> cells) => IsOfDevice(cells) ? BenchNames.Loop : BenchNames.Disk;

    private static void Say(CommandConsole console, string text)
    {
        foreach (string line in Wrapping.Lines(text, Math.Max(40, console.TableWidth))) console.Out.WriteLine(line);
    }

    private static Spectre.Console.Rows Table(string path, BenchDirection direction, BenchCell[] cells)
    {
        bool isOfDevice = IsOfDevice(cells);
        string baseline = Baseline(cells);
        string title = $"{path}: {direction switch { BenchDirection.Read => "read", BenchDirection.Write => "write", _ => "read + write at once" }}{(isOfDevice ? ", GPU memory" : "")}";
        Spectre.Console.Table table = Tables.New("size", "depth", "<backend", "bandwidth", isOfDevice ? "of loop" : "of raw", "median", "99 %", "CPU/GiB");
        foreach (BenchCell cell in cells)
        {
            BenchCell? plain = cells.FirstOrDefault(c => c.Backend == baseline && (c.RequestBytes, c.QueueDepth) == (cell.RequestBytes, cell.QueueDepth));
            string bandwidth = direction == BenchDirection.Mixed ? $"{Figures.Rate(cell.ReadBandwidth)} + {Figures.Rate(cell.WriteBandwidth)}" : Figures.Rate(cell.Bandwidth);
            Tables.Row(
                table,
                Figures.Bytes(cell.RequestBytes),
                cell.QueueDepth.ToString(CultureInfo.InvariantCulture),
                Label(cell.Backend, isOfDevice),
                bandwidth,
                !BenchNames.IsBackend(cell.Backend) || plain is null || plain.Bandwidth <= 0 ? "" : Figures.Percent(cell.Bandwidth / plain.Bandwidth),
                Figures.Seconds(cell.MedianSeconds),
                Figures.Seconds(cell.SlowSeconds),
                Figures.Seconds(cell.CpuSecondsPerByte * (1L << 30)));
        }

        return Tables.Titled(title, table);
    }

    private static string Label(string backend, bool isOfDevice) => (backend, isOfDevice) switch
    {
        (BenchNames.Disk, true) => "disk alone",
        (BenchNames.Copy, _) => "copy alone",
        (BenchNames.Loop, _) => "plain loop",
        _ => backend,
    };

    private static void Print(CommandConsole console, PathBandwidth path, BenchResult result, BandwidthProfile profile)
    {
        console.Out.WriteLine();
        console.Write(Tables.Facts(
            ("path", path.Path),
            ("best setting", $"{path.Backend}, {Figures.Bytes(path.RequestBytes)}, queue depth {path.QueueDepth}"),
            ("read", BesideLoop(path, path.ReadBandwidth, BenchDirection.Read, result.Cells)),
            ("read limit", Limit(path, path.ReadBandwidth, BenchDirection.Read, result)),
            ("write", BesideLoop(path, path.WriteBandwidth, BenchDirection.Write, result.Cells)),
            ("write limit", Limit(path, path.WriteBandwidth, BenchDirection.Write, result)),
            ("interference", path.Interference.ToString("0.00", CultureInfo.InvariantCulture))));
        if (ProfileChoice.SessionChoice(profile, path.Path) is { Faster: not null } choice) Say(console, $"A session takes {choice.Faster} by itself: {choice.Reason}");
    }

    private static string BesideLoop(PathBandwidth path, double bandwidth, BenchDirection direction, IReadOnlyList<BenchCell> cells) =>
        $"{Figures.Rate(bandwidth)}, {Figures.Percent(bandwidth / Best(path, Baseline(cells), direction, cells))} of the plain loop's best";

    /// <summary>What bounds transfers of device memory; null for those of host memory, whose plain loop is the disk alone.</summary>
    private static string? Limit(PathBandwidth path, double bandwidth, BenchDirection direction, BenchResult result)
    {
        if (!IsOfDevice(result.Cells)) return null;
        double disk = Best(path, BenchNames.Disk, direction, result.Cells);
        double copy = Best(path, BenchNames.Copy, direction, result.Cells);
        // Bytes that go past the host's memory take no copy.
        bool isDirect = result.Routes.Any(r => r.Path == path.Path && r.Backend == path.Backend && r.IsDirect);
        (string slower, double limit, string other) = isDirect ? ("disk", disk, "no copies are needed")
            : disk < copy ? ("disk", disk, $"copies {Figures.Rate(copy)}")
            : ("copies", copy, $"disk {Figures.Rate(disk)}");
        return $"{slower} {Figures.Rate(limit)}, {Figures.Percent(bandwidth / limit)} reached; {other}";
    }

    private static double Best(PathBandwidth path, string backend, BenchDirection direction, IReadOnlyList<BenchCell> cells) =>
        cells.Where(c => c.Path == path.Path && c.Backend == backend && c.Direction == direction).Select(static c => c.Bandwidth).DefaultIfEmpty().Max();
}
