namespace TeraIO.Cli.Doctor;

/// <summary>One thing that was looked at.</summary>
/// <param name="Name">The same on every machine, unique within its section.</param>
/// <param name="State">How it stands.</param>
/// <param name="Text">What was found.</param>
/// <param name="Sources">What was read or tried.</param>
/// <param name="Remedy">What to do; there is one for every yellow or red finding.</param>
internal sealed record Finding(string Name, FindingState State, string Text, IReadOnlyList<string> Sources, string? Remedy = null)
{
    public static Finding Green(string name, string text, params string[] sources) => new(name, FindingState.Green, text, sources);

    public static Finding Yellow(string name, string text, string remedy, params string[] sources) => new(name, FindingState.Yellow, text, sources, remedy);

    public static Finding Red(string name, string text, string remedy, params string[] sources) => new(name, FindingState.Red, text, sources, remedy);

    public static Finding NotApplicable(string name, string text, params string[] sources) => new(name, FindingState.NotApplicable, text, sources);
}
