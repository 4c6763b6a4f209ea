using System.Diagnostics;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Studies;

/// <summary>The split over paths of a store by measured rates, against a static split and one path, and what happens when a path slows down or fails.</summary>
internal static class PathStudy
{
    private const double WarmUpSeconds = 0.7;
    private const double MeasuredSeconds = 1.5;
    private const double Near = 1.5; // a share within this factor of the ideal one counts as balanced

    private static readonly (string Name, double[]? Shares)[] _policies =
    [
        ("adaptive", null),
        ("static, 1 of 3 stripes on the slower path", [2, 1]),
        ("single path", [1, 0]),
    ];

    /// <param name="directory">On the disk that carries both paths.</param>
    public static void Print(string directory)
    {
        using var paths = new StudyPaths(directory);
        PrintSplits(paths.Paths);
        PrintSlowPath(paths.Paths);
        PrintFailingPath(paths.Paths);
    }

    private static void PrintSplits(IReadOnlyList<string> paths)
    {
        Console.WriteLine("## Splits");
        Console.WriteLine();
        Console.WriteLine("Emulated rows: each path is throttled to the rate given, per direction; per cent of the sum of both. The last rows are not throttled: both directories are on one disk, so there is no sum to reach.");
        Console.WriteLine();
        Markdown.Header(2, "rates of the paths, MB/s", "split", "writes, MB/s", "% of the sum", "reads, MB/s", "% of the sum", "second path's share of bytes written, %");
        foreach (double[]? rates in new double[]?[] { [300e6, 300e6], [400e6, 200e6], [400e6, 80e6], null })
        {
            foreach ((string name, double[]? shares) in _policies) PrintSplit(paths, rates, name, shares);
        }

        Console.WriteLine();
    }

    private static void PrintSplit(IReadOnlyList<string> paths, double[]? rates, string name, double[]? shares)
    {
        using var load = new PathLoad(Options(paths, shares), rates?.Select(static rate => new EmulatedDevice(rate, rate)).ToList());
        load.Run(TransferDirection.Write, WarmUpSeconds);
        (long all, long second) = Written(load);
        double write = load.Run(TransferDirection.Write, MeasuredSeconds);
        (long allAfter, long secondAfter) = Written(load);
        double read = load.Run(TransferDirection.Read, MeasuredSeconds);
        string Of(double rate) => rates is null ? "" : Markdown.Percent(rate / rates.Sum());
        Markdown.Row(
            rates is null ? "not throttled" : $"{Markdown.Megabytes(rates[0])} + {Markdown.Megabytes(rates[1])} (emulated)", name, Markdown.Megabytes(write), Of(write), Markdown.Megabytes(read), Of(read),
            Markdown.Percent((secondAfter - second) / (double)(allAfter - all)));
    }

    private static void PrintSlowPath(IReadOnlyList<string> paths)
    {
        var fast = new EmulatedDevice(200e6, 200e6);
        var slow = new EmulatedDevice(20e6, 20e6);
        using var load = new PathLoad(Options(paths, null), [new EmulatedDevice(400e6, 400e6), fast]);
        Console.WriteLine("## A path at a tenth of its rate, and back");
        Console.WriteLine();
        Console.WriteLine("400 + 200 MB/s (emulated), writes of 8 MiB tensors, four in flight; the second path falls to 20 MB/s and recovers. Balanced: its share of new bytes is within a factor of 1.5 of its share of the rates.");
        Console.WriteLine();
        Markdown.Header(1, "", "sum of the rates, MB/s", "tensors that ended until balanced", "seconds until balanced", "MB/s in the first second", "MB/s afterwards", "% of the sum afterwards");
        load.Run(TransferDirection.Write, WarmUpSeconds);
        PrintPhase("before", load, 600e6, 200.0 / 600, null);
        PrintPhase("second path falls to a tenth", load, 420e6, 20.0 / 420, slow);
        PrintPhase("second path recovers", load, 600e6, 200.0 / 600, fast);
        Console.WriteLine();
    }

    private static void PrintPhase(string name, PathLoad load, double sum, double ideal, EmulatedDevice? device)
    {
        if (device is not null) load.Throttles[1].Device = device;
        long start = Stopwatch.GetTimestamp();
        long ended = load.Ended;
        long tensors = -1;
        double seconds = -1;
        double early = load.Run(TransferDirection.Write, 1, NoteBalance);
        double late = load.Run(TransferDirection.Write, 2, NoteBalance);
        Markdown.Row(
            name, Markdown.Megabytes(sum), tensors < 0 ? "not reached" : Markdown.Number(tensors, "0"), seconds < 0 ? "" : Markdown.Hundredths(seconds), Markdown.Megabytes(early), Markdown.Megabytes(late),
            Markdown.Percent(late / sum));

        void NoteBalance()
        {
            double share = load.Store.Statistics.Paths[1].Share;
            if (tensors >= 0 || share > Near * ideal || share < ideal / Near) return;
            tensors = load.Ended - ended;
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static void PrintFailingPath(IReadOnlyList<string> paths)
    {
        using var load = new PathLoad(Options(paths, null), [new EmulatedDevice(400e6, 400e6), new EmulatedDevice(200e6, 200e6)]);
        Console.WriteLine("## A path that starts to fail");
        Console.WriteLine();
        Console.WriteLine("The same two paths (emulated); every write to the second ends with EIO from some moment on, and later no more. Every tensor is read back and compared after each phase.");
        Console.WriteLine();
        Markdown.Header(1, "", "MB/s", "writes that failed", "stripes relocated", "tensors lost", "second path");
        load.Run(TransferDirection.Write, WarmUpSeconds);
        PrintFailurePhase("before", load, isFailing: false);
        PrintFailurePhase("second path fails", load, isFailing: true);
        PrintFailurePhase("second path works again", load, isFailing: false);
        Console.WriteLine();
    }

    private static void PrintFailurePhase(string name, PathLoad load, bool isFailing)
    {
        load.Failures[1].IsFailing = isFailing;
        long relocations = load.Store.Statistics.Relocations;
        int failed = 0;
        double rate = 0;
        try
        {
            rate = load.Run(TransferDirection.Write, 2);
        }
        catch (TeraIO.Core.StorageException)
        {
            failed++;
        }

        StoreStatistics found = load.Store.Statistics;
        Markdown.Row(
            name, Markdown.Megabytes(rate), Markdown.Number(failed, "0"), Markdown.Number(found.Relocations - relocations, "0"), Markdown.Number(load.CountLost(), "0"),
            $"{found.Paths[1].State}, {Markdown.Percent(found.Paths[1].Share)} % of new bytes");
    }

    private static StoreOptions Options(IReadOnlyList<string> paths, double[]? shares) => new() { Paths = paths, FixedShares = shares };

    private static (long All, long Second) Written(PathLoad load)
    {
        StoreStatistics statistics = load.Store.Statistics;
        return (statistics.BytesWritten.Bytes, statistics.Paths[1].BytesWritten.Bytes);
    }
}
