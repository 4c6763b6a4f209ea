using System.Globalization;
using Spectre.Console;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>Runs the same training unlimited and under the budget and holds one against the other.</summary>
internal sealed class Comparison(RunOptions options, IReadOnlyList<string> arguments, StepProgress progress, IAnsiConsole console)
{
    /// <returns>0 when every loss is the same to the last bit and the budget held; otherwise the exit code.</returns>
    public int Run()
    {
        progress.Say("unlimited:");
        var (unlimited, unlimitedCode) = ChildRun.Run(ChildRun.Arguments(arguments, "--no-offload"), line => progress.Say("  " + line));
        if (unlimited is null)
            return unlimitedCode;
        var peak = options.UnlimitedPeak ?? new ByteSize(unlimited.PeakLiveBytes!.Value);
        var budget = options.Budget!.Value.Resolve(peak);
        progress.Say($"offloaded, budget {budget}:");
        var (offloaded, offloadedCode) = ChildRun.Run(
            ChildRun.Arguments(arguments, "--budget", Invariant(budget.Bytes), "--unlimited-peak", Invariant(peak.Bytes)), line => progress.Say("  " + line));
        if (offloaded is null)
            return offloadedCode;
        var differing = DifferingSteps(unlimited.Losses, offloaded.Losses);
        var withinBudget = offloaded.PeakLiveBytes <= budget.Bytes;
        Print(unlimited, offloaded, differing.Count, withinBudget, budget);
        if (options.JsonFile is { } json)
            (offloaded with { UnlimitedPeakBytes = peak.Bytes }).Write(json);
        return differing.Count == 0 && withinBudget ? 0 : 1;
    }

    /// <summary>Steps whose losses differ in any bit; a step that only one run has differs.</summary>
    public static IReadOnlyList<int> DifferingSteps(IReadOnlyList<float> left, IReadOnlyList<float> right) =>
    [
        .. Enumerable.Range(0, Math.Max(left.Count, right.Count)).Where(i =>
            i >= left.Count || i >= right.Count || BitConverter.SingleToInt32Bits(left[i]) != BitConverter.SingleToInt32Bits(right[i])),
    ];

    private void Print(RunReport unlimited, RunReport offloaded, int differing, bool withinBudget, ByteSize budget)
    {
        var table = new Table().AddColumns("step", "unlimited loss", "offloaded loss", "unlimited s", "offloaded s");
        for (var i = 0; i < Math.Min(unlimited.Losses.Count, offloaded.Losses.Count); i++)
        {
            table.AddRow(
                Invariant(unlimited.FirstStep + i + 1), Invariant(unlimited.Losses[i]), Invariant(offloaded.Losses[i]),
                Invariant(Math.Round(unlimited.StepSeconds[i], 2)), Invariant(Math.Round(offloaded.StepSeconds[i], 2)));
        }
        console.Write(table);
        progress.Say(differing == 0
            ? $"Losses: all {unlimited.Losses.Count} are equal to the last bit."
            : $"Losses: {differing} of {unlimited.Losses.Count} differ.");
        var share = 100.0 * offloaded.PeakLiveBytes!.Value / unlimited.PeakLiveBytes!.Value;
        progress.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"Live tensors: peak {new ByteSize(offloaded.PeakLiveBytes.Value)} instead of {new ByteSize(unlimited.PeakLiveBytes.Value)} ({share:F1} %); "
            + $"the budget of {budget} {(withinBudget ? "held" : "was passed")}."));
        progress.Say($"Process: peak {new ByteSize(offloaded.PeakRssBytes)} instead of {new ByteSize(unlimited.PeakRssBytes)}.");
    }

    private static string Invariant(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
