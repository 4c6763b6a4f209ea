namespace TeraIO.Cli.Doctor;

/// <summary>What became of reading a file: its text, or why there is none.</summary>
/// <param name="Text">Null when it could not be read; otherwise at most as much as was asked for, control characters replaced.</param>
/// <param name="Why">Why there is no text; empty otherwise.</param>
/// <param name="IsMissing">There is no such file.</param>
internal readonly record struct FileText(string? Text, string Why = "", bool IsMissing = false)
{
    /// <summary>Without white space around it; empty when it could not be read.</summary>
    public string Trimmed => Text?.Trim() ?? "";

    /// <summary>Lines without their ends; none when it could not be read.</summary>
    public string[] Lines => Text?.Split('\n') ?? [];

    /// <summary>What follows <paramref name="name"/> and a colon or an equals sign on a line of its own; null when there is none.</summary>
    public string? Field(string name)
    {
        foreach (string line in Lines)
        {
            int end = line.AsSpan().IndexOfAny(':', '=');
            if (end > 0 && line.AsSpan(0, end).Trim().SequenceEqual(name)) return line[(end + 1)..].Trim();
        }

        return null;
    }
}
