using System.Globalization;
using TeraIO.Cli.Bench;
using TeraIO.Cli.Doctor;
using TeraIO.Core.Storage;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Output;

/// <summary>Measurements as tables: one per path and direction, each backend beside the plain loop.</summary>
internal static class BenchTables
{
    public static void Print(CommandConsole console, IReadOnlyList<BenchCell> cells, IReadOnlyList<BackendTrial> trials, BandwidthProfile? profile)
    {
        foreach (IGrouping<(string Path, BenchDirection Direction), BenchCell> group in cells.GroupBy(static c => (c.Path, c.Direction))) console.Write(Table(group.Key.Path, group.Key.Direction, [.. group]));
        console.Out.WriteLine();
        foreach (BackendTrial trial in trials.Where(static t => !t.Works || t.Backend is BackendTrial.CuFile or BackendTrial.Staged))
        {
            string reason = trial.Works ? "not measured: this command moves host memory only" : $"not available: {trial.Reason}";
            foreach (string line in Wrapping.Lines($"{trial.Name}: {reason}", Math.Max(40, console.TableWidth))) console.Out.WriteLine(line);
        }

        foreach (PathBandwidth path in profile?.Paths ?? []) Print(console, path, cells);
    }

    private static Spectre.Console.Rows Table(string path, BenchDirection direction, BenchCell[] cells)
    {
        string title = $"{path}: {direction switch { BenchDirection.Read => "read", BenchDirection.Write => "write", _ => "read + write at once" }}";
        Spectre.Console.Table table = Tables.New("size", "depth", "<backend", "bandwidth", "of raw", "median", "99 %", "CPU/GiB");
        foreach (BenchCell cell in cells)
        {
            BenchCell? raw = cells.FirstOrDefault(c => c.Backend == "raw" && (c.RequestBytes, c.QueueDepth) == (cell.RequestBytes, cell.QueueDepth));
            string bandwidth = direction == BenchDirection.Mixed ? $"{Figures.Rate(cell.ReadBandwidth)} + {Figures.Rate(cell.WriteBandwidth)}" : Figures.Rate(cell.Bandwidth);
            Tables.Row(
                table,
                Figures.Bytes(cell.RequestBytes),
                cell.QueueDepth.ToString(CultureInfo.InvariantCulture),
                cell.Backend,
                bandwidth,
                cell.Backend == "raw" || raw is null || raw.Bandwidth <= 0 ? "" : Figures.Percent(cell.Bandwidth / raw.Bandwidth),
                Figures.Seconds(cell.MedianSeconds),
                Figures.Seconds(cell.SlowSeconds),
                Figures.Seconds(cell.CpuSecondsPerByte * (1L << 30)));
        }

        return Tables.Titled(title, table);
    }

    private static void Print(CommandConsole console, PathBandwidth path, IReadOnlyList<BenchCell> cells)
    {
        double Raw(BenchDirection direction) => cells.Where(c => c.Path == path.Path && c.Backend == "raw" && c.Direction == direction).Select(static c => c.Bandwidth).DefaultIfEmpty().Max();
        console.Out.WriteLine();
        console.Write(Tables.Facts(
            ("path", path.Path),
            ("best setting", $"{path.Backend}, {Figures.Bytes(path.RequestBytes)}, queue depth {path.QueueDepth}"),
            ("read", $"{Figures.Rate(path.ReadBandwidth)}, {Figures.Percent(path.ReadBandwidth / Raw(BenchDirection.Read))} of the plain loop's best"),
            ("write", $"{Figures.Rate(path.WriteBandwidth)}, {Figures.Percent(path.WriteBandwidth / Raw(BenchDirection.Write))} of the plain loop's best"),
            ("interference", path.Interference.ToString("0.00", CultureInfo.InvariantCulture))));
    }
}
