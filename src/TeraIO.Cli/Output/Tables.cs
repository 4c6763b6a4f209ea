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
    public static Grid Facts(params IEnumerable<(string Name, string? Value)> facts)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn());
        foreach ((string name, string? value) in facts)
            if (value is not null) grid.AddRow(new Markup($"[grey]{Markup.Escape(name)}[/]"), new Text(value));
        return grid;
    }

    /// <summary>Words of at most <paramref name="most"/> characters; the end of a name tells more than its start.</summary>
    public static string Short(string text, int most) => text.Length <= most ? text : "…" + text[^(most - 1)..];

    public static string Optional(double? value, Func<double, string> format) => value is { } number ? format(number) : "-";

    public static string Bytes(long? value) => value is { } number ? Figures.Bytes(number) : "-";
}
