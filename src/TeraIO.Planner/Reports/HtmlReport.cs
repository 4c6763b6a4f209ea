using System.Net;
using System.Text;

namespace TeraIO.Planner.Reports;

/// <summary>
/// Writes an <see cref="IterationReport"/> as one HTML page that needs nothing else: styles, script and numbers are in it, and it loads nothing from
/// any network. It reads in light and dark, on wide and narrow screens, and on paper.
/// </summary>
public static class HtmlReport
{
    /// <summary>Writes the page as UTF-8.</summary>
    public static void Write(IterationReport report, Stream output)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(output);
        using var writer = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        writer.Write(ToText(report));
    }

    /// <summary>The page as text.</summary>
    public static string ToText(IterationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var body = new ReportBody(report).ToText();
        // One pass over the template: text that comes from a trace and looks like a placeholder stays text.
        var page = new StringBuilder();
        string template = Asset("report.html");
        int at = 0;
        while (template.IndexOf("{{", at, StringComparison.Ordinal) is >= 0 and var open)
        {
            int close = template.IndexOf("}}", open, StringComparison.Ordinal);
            page.Append(template, at, open - at).Append(template[(open + 2)..close] switch
            {
                "title" => WebUtility.HtmlEncode(Xml(report.Trace.Name + " under " + report.Policy)),
                "css" => Asset("report.css"),
                "js" => Asset("report.js"),
                "data" => ReportData.ToJson(report),
                "body" => body,
                var other => throw new InvalidOperationException($"The report's template has a placeholder '{other}' that nothing fills."),
            });
            at = close + 2;
        }

        return page.Append(template, at, template.Length - at).ToString();
    }

    /// <summary>Without the control characters that no XML or HTML may hold.</summary>
    internal static string Xml(string text)
    {
        var clean = new StringBuilder(text.Length);
        // Enumerating runes turns half a surrogate pair into U+FFFD.
        foreach (Rune rune in text.EnumerateRunes()) clean.Append(Rune.IsControl(rune) || (rune.Value & 0xfffe) == 0xfffe ? "\ufffd" : rune.ToString());
        return clean.ToString();
    }

    private static string Asset(string name)
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream("TeraIO.Planner.Reports.Assets." + name)
            ?? throw new InvalidOperationException($"The asset {name} is missing from the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
