using System.Text.RegularExpressions;

namespace TeraIO.Cli.Doctor;

/// <summary>Versions inside longer texts.</summary>
internal static partial class Versions
{
    /// <summary>The first <c>major.minor</c> or <c>major.minor.patch</c>; null when there is none.</summary>
    public static Version? Of(string text) => Pattern().Match(text) is { Success: true } match && Version.TryParse(match.Value, out Version? version) ? version : null;

    [GeneratedRegex(@"\d{1,6}\.\d{1,6}(\.\d{1,6})?")]
    private static partial Regex Pattern();
}
