namespace TeraIO.Cli.Doctor;

/// <summary>Whether a library loads.</summary>
/// <param name="Path">The file that was loaded; null when none was.</param>
/// <param name="Reason">The linker's words when it did not load.</param>
internal sealed record LibraryTrial(string? Path, string Reason = "");
