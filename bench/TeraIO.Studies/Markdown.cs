using System.Globalization;

namespace TeraIO.Studies;

/// <summary>A Markdown table that is written row by row, so that a long study shows what it has.</summary>
internal static class Markdown
{
    /// <summary>Header and alignment: the first columns left, the figures right.</summary>
    public static void Header(int textColumns, params IReadOnlyList<string> columns)
    {
        Row([.. columns]);
        Row([.. columns.Select((_, i) => i < textColumns ? "---" : "---:")]);
    }

    public static void Row(params IReadOnlyList<string> cells)
    {
        Console.WriteLine($"| {string.Join(" | ", cells)} |");
        Console.Out.Flush();
    }

    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    public static string Hundredths(double value) => Number(value, "0.00");

    public static string Percent(double share) => Number(100 * share, "0.0");

    public static string Megabytes(double bytes) => Number(bytes / 1e6, "0");

    public static string Gigabytes(double bytes) => Number(bytes / 1e9, "0.0");

    public static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
