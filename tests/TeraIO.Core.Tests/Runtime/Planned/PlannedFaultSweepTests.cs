using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>
/// A planned program over a store whose N-th operation goes wrong, for N = 1, 2, ... until none does: it sees its own bytes, or stops with a typed
/// error, and always ends.
/// </summary>
[TestFixture]
public class PlannedFaultSweepTests
{
    private const int Layers = 6;

    [TestCaseSource(typeof(FaultSweep), nameof(FaultSweep.ProgramCases))]
    public async Task A_fault_is_survived_or_told(FaultKind kind, bool forever)
    {
        int stopped = 0;
        int swept = await FaultSweep.RunAsync(kind, forever, faults =>
        {
            if (!Succeeds(faults)) stopped++;
            return Task.CompletedTask;
        });

        TestContext.Out.WriteLine($"{swept} operations failed in turn, {stopped} of them stopped the program");
        Assert.That(swept, Is.GreaterThan(kind == FaultKind.NoSpace ? 0 : 10));
        if (forever) Assert.That(stopped, Is.Positive, "a device that goes on failing must be noticed");
    }

    /// <returns>False when it stopped with a typed error.</returns>
    private static bool Succeeds(FaultPlan faults)
    {
        try
        {
            using var runner = new ProgramRunner((4 * ProgramRunner.Block) + (64 * 64), TestPlanners.MoveEverything, faults);
            runner.CreateAll(Layers);
            for (int step = 0; step < 4; step++) runner.Step(Programs.Training(Layers));
            runner.CheckAll();
            return true;
        }
        catch (TeraIOException e)
        {
            Assert.That(e, Is.InstanceOf<StorageException>().Or.InstanceOf<StorageFullException>().Or.InstanceOf<CorruptionException>().Or.InstanceOf<ShortTransferException>());
            return false;
        }
    }
}
