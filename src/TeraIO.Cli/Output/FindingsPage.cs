using Spectre.Console;
using TeraIO.Cli.Doctor;

namespace TeraIO.Cli.Output;

/// <summary>A machine's findings as one page: state, name, what was found, and for what is not green where from and what to do.</summary>
internal static class FindingsPage
{
    private const int StateWidth = 8;
    private const int NameWidth = 20;
    private const int MostWidth = 120;
    private const int LeastTextWidth = 30;

    public static void Print(CommandConsole console, MachineReport report, bool verbose)
    {
        int width = Math.Max(Math.Min(console.TableWidth, MostWidth) - StateWidth - NameWidth, LeastTextWidth);
        foreach (ReportSection section in report.Sections)
        {
            var lines = new List<Markup> { new($"[bold]{Markup.Escape(section.Title)}[/]") };
            foreach (Finding finding in Merged(section.Findings)) lines.AddRange(Lines(finding, width, verbose));
            console.Write(new Rows([.. lines, Text.Empty]));
        }

        console.Write(Summary(report));
    }

    /// <summary>What does not apply for one reason is one row.</summary>
    private static IEnumerable<Finding> Merged(IReadOnlyList<Finding> findings)
    {
        for (int i = 0; i < findings.Count;)
        {
            Finding first = findings[i];
            string[] also = [.. findings.Skip(i + 1).TakeWhile(f => first.State == FindingState.NotApplicable && f.State == first.State && f.Text == first.Text).Select(static f => f.Name)];
            yield return also.Length == 0 ? first : first with { Text = $"{first.Text} (therefore also {string.Join(", ", also)})" };
            i += 1 + also.Length;
        }
    }

    private static IEnumerable<Markup> Lines(Finding finding, int width, bool verbose)
    {
        var texts = Wrapping.Lines(finding.Text, width).Select(static l => Markup.Escape(l)).ToList();
        if (verbose || finding.Remedy is not null) texts.AddRange(Wrapping.Lines("from " + string.Join(", ", finding.Sources), width).Select(static l => $"[grey]{Markup.Escape(l)}[/]"));
        if (finding.Remedy is { } remedy) texts.AddRange(Wrapping.Lines("-> " + remedy, width).Select(static l => Markup.Escape(l)));
        string word = Word(finding.State);
        string[] names = [.. Wrapping.Lines(finding.Name, NameWidth - 1)];
        for (int i = 0; i < Math.Max(texts.Count, names.Length); i++)
        {
            string state = i == 0 ? Coloured(finding.State) + new string(' ', StateWidth - word.Length) : new string(' ', StateWidth);
            string name = i < names.Length ? Markup.Escape(names[i].PadRight(NameWidth)) : new string(' ', NameWidth);
            yield return new Markup(state + name + (i < texts.Count ? texts[i] : ""));
        }
    }

    private static Markup Summary(MachineReport report) => new(string.Join(", ", ((FindingState[])[FindingState.Green, FindingState.Yellow, FindingState.Red, FindingState.NotApplicable])
        .Select(s => $"{report.Count(s)} {Coloured(s)}")) + "\n");

    private static string Word(FindingState state) => state == FindingState.NotApplicable ? "n/a" : state.ToString().ToLowerInvariant();

    private static string Coloured(FindingState state) => state switch
    {
        FindingState.Green => $"[green]{Word(state)}[/]",
        FindingState.Yellow => $"[yellow]{Word(state)}[/]",
        FindingState.Red => $"[red bold]{Word(state)}[/]",
        _ => $"[grey]{Word(state)}[/]",
    };
}
