namespace TeraIO.Planner.Policies;

/// <summary>The policies of this project's own planner.</summary>
internal static class PlannedPolicies
{
    /// <summary>All of them, in the order in which tables list them.</summary>
    public static IReadOnlyList<IMigrationPolicy> All { get; } =
    [
        new PlannedWholeTensors(),
        new PlannedChunks(),
        new PlannedRecompute(),
        new PlannedVertical(),
    ];
}
