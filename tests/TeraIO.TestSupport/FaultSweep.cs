namespace TeraIO.TestSupport;

/// <summary>
/// Runs a workload again and again with the first, second, third, ... operation going wrong, until it passes without meeting the
/// fault: every operation of the workload has then failed once.
/// </summary>
public static class FaultSweep
{
    /// <summary>Kind and <c>forever</c> of the sweeps over whole programs: every kind, and those that matter when they do not go away.</summary>
    public static IReadOnlyList<object[]> ProgramCases { get; } =
    [
        [FaultKind.IoError, false],
        [FaultKind.IoError, true],
        [FaultKind.ShortTransfer, false],
        [FaultKind.BitFlipOnRead, false],
        [FaultKind.BitFlipOnRead, true],
        [FaultKind.TornWrite, false],
        [FaultKind.MisdirectedWrite, false],
        [FaultKind.LostWrite, false],
        [FaultKind.NoSpace, true],
    ];

    /// <param name="kind">What goes wrong.</param>
    /// <param name="forever">Whether all later operations go wrong too.</param>
    /// <param name="attempt">The workload, which asserts that what came of it is acceptable. Gets a fresh plan each time.</param>
    /// <returns>How many operations the sweep has failed.</returns>
    public static async Task<int> RunAsync(FaultKind kind, bool forever, Func<FaultPlan, Task> attempt)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        for (int operation = 1; ; operation++)
        {
            var plan = FaultPlan.Nth(kind, operation, forever, seed: operation);
            await attempt(plan).ConfigureAwait(false);
            if (plan.FaultsFired == 0)
                return operation - 1;
        }
    }
}
