using TeraIO.Core;

namespace TeraIO.Studies.Optimizer;

/// <summary>
/// The concurrency control of MLP-Offload at work: an update divided over two real processes that begin each step together and share both directories, with and without leases.
/// </summary>
internal static class OptimizerRankStudy
{
    private const int Ranks = 2;

    private static readonly (string Name, string Mode)[] _controls = [("no control", "off"), ("one global lock", "global"), ("leases", "path")];

    private sealed record Step(double Seconds, double Bytes, double LongestWait);

    public static void Print(string directory, int millions, int steps)
    {
        UpdateMeasurement.RequireSteps(steps);
        if (millions < Ranks || millions % Ranks != 0)
            throw new ConfigurationException($"{millions} million parameters cannot be divided over {Ranks} processes in whole millions: use a multiple of {Ranks}.");
        using var paths = new StudyPaths(directory);
        Markdown.Line($"{millions} million parameters, half in each of two processes, all mechanisms on; both begin each step together; not throttled, so both directories are one device; leases of 64 MiB.");
        Markdown.Line($"Medians of {steps - 1} steps after a first one, in brackets the range. The step ends with the slower process.");
        Console.WriteLine();
        Markdown.Header(1, "control", "step, s", "both, MB/s", "slower : faster process", "longest wait for a lease, ms", "final state");
        foreach ((string name, string mode) in _controls) PrintControl(directory, millions / Ranks, steps, name, mode);
    }

    private static void PrintControl(string directory, int millions, int steps, string name, string mode)
    {
        RankProcess[] ranks = [.. Enumerable.Range(0, Ranks).Select(_ => new RankProcess("optimizer-rank", directory, $"{millions}", $"{steps}", mode))];
        try
        {
            var measured = new List<Step[]>();
            for (int step = 1; step <= steps; step++)
            {
                foreach (RankProcess rank in ranks) rank.Expect("ready");
                foreach (RankProcess rank in ranks) rank.Go();
                Step[] found = [.. ranks.Select(static rank => Measured(rank.ReadFigures(3)))];
                if (step > 1) measured.Add(found);
            }

            long different = ranks.Sum(static rank => (long)rank.ReadFigures(1)[0]);
            foreach (RankProcess rank in ranks) rank.Finish();
            Print(name, measured, different);
        }
        finally
        {
            foreach (RankProcess rank in ranks) rank.Dispose();
        }
    }

    private static void Print(string name, List<Step[]> steps, long different)
    {
        var seconds = new Spread(steps.Select(static step => step.Max(static rank => rank.Seconds)));
        var rate = new Spread(steps.Select(static step => step.Sum(static rank => rank.Bytes) / step.Max(static rank => rank.Seconds)));
        var unfairness = new Spread(steps.Select(static step => step.Max(static rank => rank.Seconds) / step.Min(static rank => rank.Seconds)));
        double longest = steps[^1].Max(static rank => rank.LongestWait);
        Markdown.Row(
            name, seconds.Format(Markdown.Hundredths), Markdown.Megabytes(rate.Median), Markdown.Hundredths(unfairness.Median),
            longest > 0 ? Markdown.Number(1e3 * longest, "0") : "", FinalState.DescribeSame(different));
    }

    private static Step Measured(double[] figures) => new(figures[0], figures[1], figures[2]);
}
