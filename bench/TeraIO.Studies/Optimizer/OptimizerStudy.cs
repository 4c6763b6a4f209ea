using TeraIO.Core;

namespace TeraIO.Studies.Optimizer;

/// <summary>
/// What each mechanism of optimizer offload gives, added one after the other to a baseline that moves what DeepSpeed's ZeRO-3 offload to NVMe moves (decision 0024), all in the same
/// host memory.
/// </summary>
internal static class OptimizerStudy
{
    /// <summary>Half of the state of 12 bytes per parameter; gradients in host memory count.</summary>
    public const int BudgetBytesPerParameter = 6;

    /// <param name="directory">On the disk that carries the paths.</param>
    /// <param name="millions">Of parameters.</param>
    /// <param name="steps">2 or more.</param>
    /// <param name="rates">Of the two paths in MB/s, such as 400+200, or <c>disk</c>.</param>
    /// <param name="rows">Keys of <see cref="Mechanisms"/>; empty for all.</param>
    public static void Print(string directory, int millions, int steps, string rates, string rows)
    {
        if (millions < 1) throw new ConfigurationException($"{millions} million parameters: use 1 or more.");
        UpdateMeasurement.RequireSteps(steps);
        double[] bandwidths = Rates(rates);
        IReadOnlyList<Mechanisms> chosen = Mechanisms.Named(rows);
        using var paths = new StudyPaths(directory);
        long parameters = millions * 1_000_000L;
        var budget = new ByteSize(BudgetBytesPerParameter * parameters);
        Markdown.Line($"{millions} million parameters, 12 bytes of state each; {budget.Bytes / 1e6:0} MB of host memory for buffers, tail cache and narrow gradients; medians of {steps - 1} steps after a first one.");
        Console.WriteLine(bandwidths.Length == 0
            ? "Not throttled: both directories are on one disk."
            : $"Paths of {rates} MB/s in each direction (emulated).");
        Console.WriteLine();
        Markdown.Header(1, "", "read, MB", "written, MB", "closed form", "cached, %", "update, s", "of it CPU, s", "MB/s", "ratio", "gradients, s", "ratio with gradients", "final state");
        using var model = new SyntheticModel(parameters);
        UpdateMeasurement? baseline = null;
        foreach (Mechanisms row in chosen)
        {
            UpdateMeasurement found = UpdateMeasurement.RunAsync(row, model, paths.Paths, bandwidths, budget, steps).GetAwaiter().GetResult();
            baseline ??= found;
            Markdown.Row(
                row.Name, Markdown.Megabytes(found.Traffic.Read), Markdown.Megabytes(found.Traffic.Written), found.BytesOff == 0 ? "exact" : $"{found.BytesOff} bytes off",
                Markdown.Percent(found.Cached), Markdown.Hundredths(found.Update), Markdown.Hundredths(found.Cpu), Markdown.Megabytes(found.Bandwidth), Markdown.Hundredths(baseline.Update / found.Update),
                Markdown.Hundredths(found.Gradients), Markdown.Hundredths(baseline.Total / found.Total), found.End.Describe());
        }
    }

    /// <summary>Bytes per second of each path; empty for <c>disk</c>.</summary>
    private static double[] Rates(string rates)
    {
        if (rates == "disk") return [];
        double[] parsed = [.. rates.Split('+').Select(static text => double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out double rate) ? 1e6 * rate : 0)];
        return parsed.Length == 2 && parsed.All(static rate => rate > 0)
            ? parsed
            : throw new ConfigurationException($"'{rates}' are no rates: use two numbers of MB/s, such as 400+200, or disk.");
    }
}
