namespace TeraIO.Cli.Doctor;

/// <summary>All that was found. <see cref="Worst"/> is the most serious state; what does not apply counts as green.</summary>
internal sealed record MachineReport(IReadOnlyList<ReportSection> Sections)
{
    public FindingState Worst => Has(FindingState.Red) ? FindingState.Red : Has(FindingState.Yellow) ? FindingState.Yellow : FindingState.Green;

    public IEnumerable<Finding> Findings => Sections.SelectMany(static s => s.Findings);

    public int Count(FindingState state) => Findings.Count(f => f.State == state);

    private bool Has(FindingState state) => Findings.Any(f => f.State == state);
}
