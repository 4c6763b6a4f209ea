namespace TeraIO.Cli.Output;

/// <summary>Text in lines of a given width.</summary>
internal static class Wrapping
{
    /// <summary>Breaks at blanks, within long words after a slash or a comma, and only where there is neither in the middle.</summary>
    public static IEnumerable<string> Lines(string text, int width)
    {
        ReadOnlyMemory<char> rest = text.AsMemory().Trim();
        while (rest.Length > width)
        {
            int end = Break(rest.Span, width);
            yield return rest[..end].ToString().TrimEnd();
            rest = rest[end..].TrimStart();
        }

        yield return rest.ToString();
    }

    private static int Break(ReadOnlySpan<char> text, int width)
    {
        int blank = text[..(width + 1)].LastIndexOf(' ');
        int sign = text[..width].LastIndexOfAny('/', ',') + 1;
        // A word that hardly fits the line alone is better cut than moved.
        int best = blank >= width / 2 ? blank : Math.Max(blank, sign);
        return best > 0 ? best : width;
    }
}
