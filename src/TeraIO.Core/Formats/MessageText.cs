namespace TeraIO.Core.Formats;

/// <summary>
/// Makes a message out of text that quotes a file: short, on one line, and without control characters, which a terminal would obey.
/// </summary>
internal static class MessageText
{
    private const int Longest = 600;

    /// <summary>The text as it may be shown.</summary>
    public static string Plain(string text) => Cut(text, Longest);

    /// <summary>The same, with the middle left out when it is longer than <paramref name="longest"/>.</summary>
    public static string Cut(string text, int longest)
    {
        if (text.Length > longest) text = string.Concat(text.AsSpan(0, longest / 2), "...", text.AsSpan(text.Length - (longest / 2) + 3));
        foreach (char c in text)
        {
            if (char.IsControl(c)) return string.Create(text.Length, text, static (span, from) => Replace(from, span));
        }

        return text;
    }

    private static void Replace(string from, Span<char> to)
    {
        for (int i = 0; i < from.Length; i++) to[i] = char.IsControl(from[i]) ? '\uFFFD' : from[i];
    }
}
