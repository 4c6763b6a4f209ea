using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Policies.Published;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.PublishedPolicies;

/// <summary>What is special to each published policy.</summary>
[TestFixture]
public class PublishedPoliciesTests
{
    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    [Test]
    public void G10_moves_a_read_as_early_as_memory_allows()
    {
        // Latest begin of the read is op 5; op 2 needs the memory, so it moves to op 3.
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Activation("A", 4).Op(1, "W:r").Op(1).Op(1, "A:cf").Op(1).Op(1).Op(1);
        PolicyResult result = new G10Policy().Plan(tiny.Trace, Machine(budget: 5, bandwidth: 4));

        Assert.That(result.Plan.Migrations.Select(static m => (m.Kind, m.IssueOp)), Is.EqualTo(new[] { (MigrationKind.Offload, 0), (MigrationKind.Prefetch, 3) }));
        Assert.That(result.Simulation.StallSeconds, Is.Zero);
    }

    [Test]
    public void G10_leaves_a_period_alone_that_does_not_outlast_both_transfers()
    {
        // Three seconds idle; write and read take 2 s each, two and a half times 2 s are asked for.
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Activation("A", 4).Op(1, "W:r").Op(1).Op(1, "A:cf").Op(1);
        Assert.That(new G10Policy().Plan(tiny.Trace, Machine(budget: 5, bandwidth: 2)).Plan.Migrations, Is.Empty);
    }

    [Test]
    public void Teraio_goes_to_host_memory_when_ssd_bandwidth_is_booked_out()
    {
        // Two activations of 4 bytes must leave during the same three seconds; SSD can write one of them in time.
        TinyTrace tiny = new TinyTrace().Activation("V", 4).Activation("U", 4).Activation("A", 8)
            .Op(1, "V:c", "U:c").Op(1).Op(1, "A:cf").Op(1).Op(1, "V:rf", "U:rf");
        MachineModel machine = Machine(budget: 8, bandwidth: 4) with { Host = new TierModel { ReadBandwidth = 8, WriteBandwidth = 8, Capacity = 4 } };
        PolicyResult result = new TeraioPolicy().Plan(tiny.Trace, machine);

        Assert.That(result.Plan.Migrations.Where(static m => m.Kind == MigrationKind.Offload).Select(static m => m.Tier), Is.EquivalentTo(new[] { MemoryTier.Ssd, MemoryTier.Host }));
        Assert.That(result.Simulation.StallSeconds, Is.Zero);
        Assert.That((result.Simulation.BytesWritten, result.Simulation.HostBytesWritten), Is.EqualTo((4, 4)));
    }

    [Test]
    public void Teraio_asks_earlier_by_the_latency_of_the_tier()
    {
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Activation("A", 4).Op(1, "W:r").Op(1).Op(1, "A:cf").Op(1).Op(1).Op(1);
        MachineModel machine = Machine(budget: 5, bandwidth: 4);
        Assert.That(PrefetchOf(new TeraioPolicy().Plan(tiny.Trace, machine)).IssueOp, Is.EqualTo(5));
        machine = machine with { Storage = machine.Storage with { LatencySeconds = 1.5 } };
        PolicyResult result = new TeraioPolicy().Plan(tiny.Trace, machine);
        Assert.That(PrefetchOf(result).IssueOp, Is.EqualTo(3));
        Assert.That(result.Simulation.StallSeconds, Is.Zero);
    }

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public Property Zero_infinity_brings_modules_back_before_they_run() => Prop.ForAll(Seeds, seed =>
    {
        Trace trace = RandomTraces.Training(seed);
        MachineModel machine = RandomTraces.Machine(seed, trace);
        PolicyResult result = new ZeroInfinityPolicy().Plan(trace, machine);
        int offloads = result.Plan.Migrations.Count(static m => m.Kind == MigrationKind.Offload);

        Assert.That(result.Plan.Migrations, Has.Count.EqualTo(2 * offloads), "each offload has its prefetch");
        foreach (PlannedMigration prefetch in result.Plan.Migrations.Where(static m => m.Kind == MigrationKind.Prefetch))
            Assert.That(Uses(trace, prefetch.DeadlineOp, prefetch.Tensor), Is.True, "a prefetch is for the op that uses the tensor");
    });

    [Test]
    public void Zero_infinity_keeps_what_the_next_module_uses_too()
    {
        // W is used by both modules of forward in turn: with any prefetch depth it is not released in between.
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Weight("V", 4).Activation("A", 4)
            .Op(1, "W:r").Op(1, "W:r", "V:r").Op(1).Op(1, "A:cf").Op(1);
        PolicyResult result = new ZeroInfinityPolicy().Plan(tiny.Trace, Machine(budget: 8, bandwidth: 4));
        Assert.That(result.Plan.Migrations.Where(m => m.Tensor == tiny["W"] && m.IssueOp == 0 && m.Kind == MigrationKind.Offload), Is.Empty);
    }

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public Property Ssdtrain_moves_activations_from_forward_to_backward_only() => Prop.ForAll(Seeds, seed =>
    {
        Trace trace = RandomTraces.Training(seed);
        MachineModel machine = RandomTraces.Machine(seed, trace);
        foreach (PlannedMigration m in new SsdTrainPolicy().Plan(trace, machine).Plan.Migrations)
        {
            Assert.That(trace.Tensors[m.Tensor].Kind, Is.EqualTo(TensorKind.Activation));
            Assert.That(trace.Ops[m.IssueOp].Phase, Is.EqualTo(m.Kind == MigrationKind.Offload ? OpPhase.Forward : OpPhase.Backward));
        }
    });

    [Test]
    public void Ssdtrain_offloads_as_much_as_bandwidth_carries()
    {
        Trace trace = RandomTraces.Training(seed: 4, layers: 6, opsPerLayer: 1, microBatches: 1);
        int Moved(double bandwidth) => new SsdTrainPolicy().Plan(trace, Machine(Footprint.SmallestBudget(trace) + 1, bandwidth)).Plan.Migrations.Count;

        Assert.That(Moved(1), Is.Zero);
        Assert.That(Moved(1e12), Is.EqualTo(2 * 4), "all but the last two activations, which the first op of backward uses");
        int[] moved = [.. new[] { 1e8, 3e8, 1e9, 3e9, 1e10, 3e10 }.Select(Moved)];
        Assert.That(moved, Is.Ordered);
        Assert.That(moved, Has.Some.InRange(1, 7));
    }

    private static PlannedMigration PrefetchOf(PolicyResult result) => result.Plan.Migrations.Single(static m => m.Kind == MigrationKind.Prefetch);

    private static bool Uses(Trace trace, int op, int tensor)
    {
        foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
        {
            if (access.Tensor == tensor && access.IsUse) return true;
        }

        return false;
    }

    private static MachineModel Machine(long budget, double bandwidth) =>
        new() { MemoryBudget = budget, Storage = new TierModel { ReadBandwidth = bandwidth, WriteBandwidth = bandwidth } };
}
