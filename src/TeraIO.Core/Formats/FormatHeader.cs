namespace TeraIO.Core.Formats;

/// <summary>The two members that every file of ours has: which format, and which version of it.</summary>
internal static class FormatHeader
{
    /// <summary>The current token must be the name of the format.</summary>
    public static void CheckFormat(JsonTokens tokens, string format)
    {
        tokens.ExpectString("format");
        if (!tokens.Text.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(format))) throw tokens.Fault($"format is {tokens.Shown()}; \"{format}\" is expected here.");
    }

    /// <summary>The current token must be a version that can be read.</summary>
    public static void CheckVersion(JsonTokens tokens, int version)
    {
        long found = tokens.Integer("version");
        if (found != version) throw tokens.Fault($"version is {found}; this TeraIO reads version {version}. Write the file again with this TeraIO, or read it with the one that wrote it.");
    }
}
