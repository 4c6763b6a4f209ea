using Spectre.Console;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Output;

/// <summary>Tables as all commands draw them.</summary>
internal static class Tables
{
    /// <summary>An empty table; a heading that starts with &lt; is of a left-aligned column.</summary>
    public static Table New(params ReadOnlySpan<string> headings)
    {
        var table = new Table { Border = TableBorder.Horizontal };
        foreach (string heading in headings)
        {
            bool left = heading.StartsWith('<');
            var column = new TableColumn($"[grey]{Markup.Escape(left ? heading[1..] : heading)}[/]") { Alignment = left ? Justify.Left : Justify.Right, NoWrap = true };
            column.Padding(0, 2);
            table.AddColumn(column);
        }

        return table;
    }

    /// <summary>A table below its title.</summary>
    public static Rows Titled(string title, Table table) => new(new Markup($"[bold]{Markup.Escape(title)}[/]"), table);

    /// <summary>A row of plain text.</summary>
    public static void Row(Table table, params IEnumerable<string> cells) => table.AddRow([.. cells.Select(static c => new Text(c))]);

    /// <summary>Names and values, one a line, the values under each other.</summary>
    public static Rows Facts(params IEnumerable<(string Name, string? Value)> facts)
    {
        (string Name, string? Value)[] shown = [.. facts.Where(static f => f.Value is not null)];
        int width = shown.Max(static f => f.Name.Length) + 2;
        return new Rows(shown.Select(f => new Markup($"[grey]{Markup.Escape(f.Name.PadRight(width))}[/]{Markup.Escape(f.Value!)}")));
    }

    /// <summary>At most <paramref name="most"/> characters; both ends of a name tell more than its middle.</summary>
    public static string Short(string text, int most)
    {
        if (text.Length <= most) return text;
        int start = (most - 1) * 2 / 5;
        return $"{text.AsSpan(0, start)}…{text.AsSpan(text.Length - (most - 1 - start))}";
    }

    public static string Optional(double? value, Func<double, string> format) => value is { } number ? format(number) : "-";

    public static string Bytes(long? value) => value is { } number ? Figures.Bytes(number) : "-";
}
