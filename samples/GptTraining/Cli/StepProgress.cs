using System.Globalization;
using Spectre.Console;
using TeraIO.Core;
using TeraIO.Torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>One finished step.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Total">Steps of the training.</param>
/// <param name="Loss">Training loss.</param>
/// <param name="EvaluationLoss">Held-out loss, if it was evaluated after this step.</param>
/// <param name="TokensPerSecond">Training tokens by wall clock.</param>
/// <param name="Traffic">Counters of this step; null when unobserved.</param>
internal sealed record StepLine(int Number, int Total, float Loss, float? EvaluationLoss, double TokensPerSecond, OffloadStatistics? Traffic)
{
    public override string ToString()
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"step {Number}/{Total}  loss {Loss:F4}  {TokensPerSecond:F0} tokens/s");
        if (EvaluationLoss is { } evaluation)
            text += string.Create(CultureInfo.InvariantCulture, $"  held-out {evaluation:F4}");
        if (Traffic is { } t)
        {
            text += string.Create(
                CultureInfo.InvariantCulture,
                $"  live {t.LiveBytes}  peak {t.PeakLiveBytes}  in {t.BytesRead}  out {t.BytesWritten}  stall {t.StallTime.TotalSeconds:F2} s");
            if (t.PlannedSteps > 0 || t.Divergences > 0)
                text += string.Create(CultureInfo.InvariantCulture, $" (late {t.LatePrefetchTime.TotalSeconds:F2}, on demand {t.OnDemandReadTime.TotalSeconds:F2}, no room {t.NoRoomTime.TotalSeconds:F2})");
        }
        return text;
    }
}

/// <summary>
/// Shows steps: a bar that redraws itself on a terminal, a line each when output goes to a file. It draws from the
/// training thread on purpose: memory is observed per thread, so training must not move to another one.
/// </summary>
internal sealed class StepProgress(IAnsiConsole console, bool redirected) : IDisposable
{
    private const int BarWidth = 24;
    private bool _drawn;

    /// <summary>Shows nothing: for the ranks but the first.</summary>
    public static StepProgress Silent() =>
        new(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) }), redirected: true);

    /// <summary>A line of its own.</summary>
    public void Say(string text)
    {
        Erase();
        // The writer does not break lines at 80 columns as the console does when it knows no width.
        console.Profile.Out.Writer.WriteLine(text);
    }

    public void Show(StepLine line)
    {
        if (redirected)
        {
            console.Profile.Out.Writer.WriteLine(line.ToString());
            return;
        }
        Erase();
        var filled = BarWidth * line.Number / line.Total;
        var text = line.ToString();
        var room = Math.Max(0, console.Profile.Width - BarWidth - 2);
        console.Markup($"[green]{new string('━', filled)}[/][grey]{new string('━', BarWidth - filled)}[/] {Markup.Escape(text[..Math.Min(room, text.Length)])}");
        _drawn = true;
    }

    /// <summary>The table at the end.</summary>
    public void Summarise(RunReport report)
    {
        Erase();
        var rows = Rows(report).Where(r => r.Value is not null);
        if (redirected)
        {
            foreach (var (name, value) in rows)
                console.Profile.Out.Writer.WriteLine($"{name}: {value}");
            return;
        }
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
        foreach (var (name, value) in rows)
            table.AddRow(Markup.Escape(name), Markup.Escape(value!));
        console.Write(table);
    }

    public void Dispose()
    {
        if (_drawn)
            console.WriteLine();
        _drawn = false;
    }

    private static IEnumerable<(string Name, string? Value)> Rows(RunReport report)
    {
        yield return ("model", $"{report.Config}, {report.Parameters:N0} parameters, seed {report.Seed}");
        yield return ("last loss", report.Losses.Count > 0 ? report.Losses[^1].ToString(CultureInfo.InvariantCulture) : null);
        yield return ("ranks", report.Ranks > 1 ? $"{report.Ranks}, with parameters that are equal to the last bit" : null);
        yield return ("median step", report.StepSeconds.Count > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Median(report.StepSeconds):F2} s") : null);
        yield return ("budget", Size(report.BudgetBytes));
        yield return ("unlimited peak", Size(report.UnlimitedPeakBytes));
        yield return ("peak of live tensors", Size(report.PeakLiveBytes));
        yield return ("held by libtorch's allocator", Size(report.ReservedBytes));
        yield return ("peak of the process", $"{new ByteSize(report.PeakRssBytes)} ({new ByteSize(report.IdleRssBytes)} before the model)");
        yield return ("read back", Size(report.BytesRead));
        yield return ("written", Size(report.BytesWritten));
        if (report.HostMemory is { } host)
        {
            yield return ("host tier (emulated: the same memory)", $"{host.Peak} of {host.Budget} used, in {host.BytesIn}, out {host.BytesOut}, spilled {host.BytesSpilled}");
            yield return ("host tier reads", string.Create(CultureInfo.InvariantCulture, $"{host.Hits} of {host.Hits + host.Misses} tensors, {host.Bypasses} written past it, {host.Drops} dropped without I/O"));
        }
        yield return ("stalled", report.StallSeconds is { } stall ? string.Create(CultureInfo.InvariantCulture, $"{stall:F1} s") : null);
        yield return ("smallest budget", report.SmallestBudgetBytes is { } smallest ? $"{new ByteSize(smallest)} (by {report.LargestWorkingSetOp ?? "the model as a whole"})" : null);
    }

    private static string? Size(long? bytes) => bytes is { } b ? new ByteSize(b).ToString() : null;

    private static double Median(IReadOnlyList<double> values) => values.Order().ElementAt(values.Count / 2);

    private void Erase()
    {
        if (_drawn)
            console.Profile.Out.Writer.Write("\r\u001b[2K");
        _drawn = false;
    }
}
