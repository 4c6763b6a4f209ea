using TeraIO.Core.Plans;
using TeraIO.Core.Runtime;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Tests.Storage;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>Whole programs whose kernels run long after the ops that launched them, over <see cref="StandinGpu"/>: each kernel checks what it reads at the time when it runs.</summary>
[TestFixture]
public class DeviceProgramTests : StandinGpuFixture
{
    private const int Block = ProgramRunner.Block;
    private const int Persistent = 8;

    [Test]
    public void Kernels_find_their_bytes_on_demand([Range(1, 6)] int seed, [Values] ReadWaits readWaits) => Run(seed, TestPlanners.Nothing, readWaits);

    [Test]
    public void Kernels_find_their_bytes_by_a_plan([Range(1, 6)] int seed, [Values] ReadWaits readWaits) => Run(seed, TestPlanners.MoveEverything, readWaits);

    [Test]
    public void Kernels_find_their_bytes_by_a_plan_without_sense([Range(1, 6)] int seed, [Values] ReadWaits readWaits) =>
        Run(seed, request => TestPlanners.Nonsense(request, seed), readWaits);

    /// <summary>Transfers that are held for kernels fill the store's queue, which those that the kernels wait for have to get through.</summary>
    [Test]
    public void A_queue_of_one_transfer_is_enough([Range(1, 3)] int seed, [Values] ReadWaits readWaits) => Run(seed, TestPlanners.MoveEverything, readWaits, queueDepth: 1);

    [Test]
    public void Checksums_save_writes_and_lose_nothing([Range(1, 4)] int seed)
    {
        EngineStatistics without = Run(seed, TestPlanners.Nothing, ReadWaits.OnHost, verifyReads: false);
        EngineStatistics with = Run(seed, TestPlanners.Nothing, ReadWaits.OnHost, verifyReads: true);

        Assert.That(without.BytesDroppedClean, Is.Zero);
        Assert.That(with.BytesDroppedClean, Is.Positive);
        Assert.That(with.BytesWritten, Is.LessThan(without.BytesWritten));
    }

    private EngineStatistics Run(int seed, Func<PlanRequest, MigrationPlan?> planner, ReadWaits readWaits, int? queueDepth = null, bool? verifyReads = null)
    {
        var random = new Random(seed);
        // A random op holds up to six blocks at once.
        using var runner = new ProgramRunner(8 * Block, planner, gpu: Gpu, verifyReads: verifyReads, device: new DeviceRunOptions { ReadWaits = readWaits, QueueDepth = queueDepth });
        runner.BeforeKernel = () => Thread.SpinWait(random.Next(40_000));
        runner.CreateAll(Persistent);
        // Every third op changes what it says it only reads: the device has no way to know but by the bytes.
        List<ProgramOp> program = [.. Programs.Random(new Random(seed), Persistent).Select(static (op, i) => i % 3 == 0 ? op with { Reads = [], HiddenWrites = op.Reads } : op)];

        for (int step = 0; step < 6; step++) runner.Step(program);

        Assert.That(runner.Statistics.Offloads, Is.Positive, "nothing moved: the test would prove nothing");
        Assert.That(runner.Memory.PeakBytes, Is.LessThanOrEqualTo(runner.Budget));
        runner.CheckAll();
        Assert.That(runner.Engine.Stopped, Is.Null);
        Assert.That(runner.Run.FailedMigrations, Is.Zero);
        Assert.That(runner.Statistics.StreamWaits, readWaits == ReadWaits.InStream ? Is.Positive : Is.Zero);
        return runner.Statistics;
    }
}
