namespace TeraIO.Cli.Doctor;

/// <summary>Findings about one part of the machine.</summary>
internal sealed record ReportSection(string Title, IReadOnlyList<Finding> Findings);
