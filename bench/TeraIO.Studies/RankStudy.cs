using System.Diagnostics;
using System.Globalization;

namespace TeraIO.Studies;

/// <summary>Two real processes share one directory: throughput without control, with one lock for the node, and with leases; and one that is killed while it holds.</summary>
internal static class RankStudy
{
    private const int Runs = 3;
    private const int InFlight = 4;
    private const double Seconds = 2.5;

    /// <summary>A lease that is never used up within the study.</summary>
    private const string Forever = "1TiB";

    private static readonly (string Name, string Mode, string Bytes)[] _controls =
    [
        ("no control", "off", "64MiB"),
        ("one global lock, 64 MiB", "global", "64MiB"),
        ("leases, 16 MiB", "path", "16MiB"),
        ("leases, 64 MiB", "path", "64MiB"),
        ("leases, 256 MiB", "path", "256MiB"),
    ];

    private sealed record Share(double BytesPerSecond, double LongestWait, long Holds);

    /// <summary>Prints both tables.</summary>
    /// <param name="directory">Existing directory on the device.</param>
    public static void Print(string directory)
    {
        Markdown.Line($"Each process keeps {InFlight} tensors of 16 MiB moving for {Seconds} s; medians of {Runs} runs, in brackets the range. MB/s of both processes together; the");
        Console.WriteLine("slower process's share of the total (50 % is fair); the longest wait for a lease in any run.");
        Console.WriteLine();
        Markdown.Header(2, ["transfers", "control", "total, MB/s", "slower one's share, %", "longest wait, ms", "leases"]);
        foreach (string work in (string[])["reads", "writes", "both"])
        {
            // In alternation, so that a drift of the device meets all alike.
            List<Share[]>[] runs = [.. _controls.Select(static _ => new List<Share[]>())];
            for (int run = 0; run < Runs; run++)
            {
                for (int i = 0; i < _controls.Length; i++) runs[i].Add(Measure(directory, _controls[i].Mode, _controls[i].Bytes, work));
            }

            for (int i = 0; i < _controls.Length; i++) PrintRow(work, _controls[i].Name, runs[i]);
        }

        Console.WriteLine();
        PrintKill(directory);
    }

    private static void PrintRow(string work, string control, List<Share[]> runs)
    {
        var totals = new Spread(runs.Select(static r => r.Sum(static s => s.BytesPerSecond)));
        var slower = new Spread(runs.Select(static r => r.Min(static s => s.BytesPerSecond) / r.Sum(static s => s.BytesPerSecond)));
        double longest = runs.Max(static r => r.Max(static s => s.LongestWait));
        long holds = runs[0].Sum(static s => s.Holds);
        Markdown.Row([
            work,
            control,
            totals.Format(Markdown.Megabytes),
            slower.Format(Markdown.Percent),
            holds == 0 ? "" : Markdown.Number(1e3 * longest, "0"),
            holds == 0 ? "" : Markdown.Number(holds, "0"),
        ]);
    }

    private static Share[] Measure(string directory, string mode, string bytes, string work)
    {
        using RankProcess first = Start(directory, mode, bytes, work, Seconds);
        using RankProcess second = Start(directory, mode, bytes, work, Seconds);
        first.Go();
        second.Go();
        return [Finish(first), Finish(second)];
    }

    private static void PrintKill(string directory)
    {
        const double Waiting = 2;
        var delays = new List<double>();
        bool wasStalled = true;
        for (int run = 0; run < Runs; run++)
        {
            using RankProcess holder = Start(directory, "path", Forever, "reads", seconds: 60, 4 * InFlight); // never idle
            using RankProcess other = Start(directory, "path", "64MiB", "reads", Seconds);
            holder.Go();
            holder.Expect("moving");
            other.Go();
            Task<string?> moving = other.ReadAsync();
            wasStalled &= !moving.Wait(TimeSpan.FromSeconds(Waiting));
            long killed = Stopwatch.GetTimestamp();
            holder.Kill();
            if (moving.GetAwaiter().GetResult() != "moving") throw new InvalidOperationException("The surviving process failed.");
            delays.Add(Stopwatch.GetElapsedTime(killed).TotalMilliseconds);
            holder.WaitForEnd();
            Finish(other, hasMoved: true);
        }

        var delay = new Spread(delays);
        Markdown.Line($"kill -9: one process holds the read lease for good (it has {Forever}); the other {(wasStalled ? "moved nothing" : "moved bytes (!)")} in {Waiting} s beside it. Its first tensor");
        Markdown.Line($"of 16 MiB had moved {delay.Median:0} ms after the signal ({delay.Least:0} to {delay.Most:0} ms, {Runs} runs), and it went on to its end.");
    }

    private static RankProcess Start(string directory, string mode, string bytes, string work, double seconds, int inFlight = InFlight)
    {
        var process = new RankProcess("rank", directory, mode, bytes, work, seconds.ToString(CultureInfo.InvariantCulture), $"{inFlight}");
        process.Expect("ready");
        return process;
    }

    private static Share Finish(RankProcess process, bool hasMoved = false)
    {
        if (!hasMoved) process.Expect("moving");
        double[] figures = process.ReadFigures(3);
        process.Finish();
        return new Share(figures[0], figures[1], (long)figures[2]);
    }
}
