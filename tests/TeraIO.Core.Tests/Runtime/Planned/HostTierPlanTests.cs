using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>Plans that name tiers, carried out over a store with a host tier.</summary>
[TestFixture]
public class HostTierPlanTests
{
    private const int Layers = 12;

    private static readonly HostMemoryOptions _hostMemory = new() { Budget = ByteSize.FromMiB(1) };

    [Test]
    public void A_tensor_waits_in_the_tier_that_the_plan_names()
    {
        using ProgramRunner runner = Planned();
        var found = new HashSet<(TensorKind Kind, bool IsInHostMemory)>();

        runner.Step(Observed(Programs.Training(Layers), runner, found), settle: true);

        Assert.That(found, Is.EquivalentTo(new[] { (TensorKind.Parameter, true), (TensorKind.Activation, false), (TensorKind.Gradient, false) }));
        runner.CheckAll();
    }

    [Test]
    public void What_no_plan_sent_leaves_the_plans_share_of_host_memory_alone()
    {
        using ProgramRunner runner = Planned();
        for (int i = 0; i < 64; i++) runner.Do(new ProgramOp("aten::empty") { Creates = [1000 + i] });

        runner.Engine.SetBudget(4 * ProgramRunner.Block);
        Assert.That(runner.Engine.MakeRoom(0), Is.Null);

        // Most at once: the plan asks for the first parameter before the last one leaves.
        const long share = (Layers - 1) * ProgramRunner.Block;
        Assert.That(runner.Run.Plan!.Migrations.Where(static m => m is { Kind: MigrationKind.Offload, Tier: MemoryTier.Host }).DistinctBy(static m => m.Tensor).Sum(static m => m.Bytes), Is.EqualTo(share + ProgramRunner.Block));
        Assert.That(runner.Store.Statistics.HostMemory!.Resident.Bytes, Is.LessThanOrEqualTo(_hostMemory.Budget.Bytes));
        List<TensorBlock> unplanned = [.. Offloaded(runner).Where(static b => b.Copy is { Host.IsPlanned: false })];
        Assert.That(unplanned, Is.Not.Empty);
        // What was spilled since can be dropped at any time.
        Assert.That(unplanned.Where(static b => !b.Copy!.PathsAreCurrent).Sum(static b => b.Bytes), Is.LessThanOrEqualTo(_hostMemory.Budget.Bytes - share));
        runner.CheckAll();
    }

    [FsCheck.NUnit.Property(MaxTest = 25)]
    public Property Any_program_under_any_plan_over_both_tiers_keeps_its_bytes() => Seeds.ForAll(seed =>
    {
        var random = new Random(seed);
        var tiers = new Random(seed);
        using var runner = new ProgramRunner(
            8 * ProgramRunner.Block, request => TestPlanners.MoveEverything(request, _ => (MemoryTier)tiers.Next(2)),
            hostMemory: _hostMemory with { Mode = (HostMemoryMode)(seed % 2) });
        runner.CreateAll(Layers + 12);
        List<ProgramOp> program = Programs.Random(random, Layers + 12);
        for (int i = 0; i < 5; i++) runner.Step(program);
        runner.CheckAll();
        Assert.That(runner.Store.Statistics.HostMemory!.Peak, Is.LessThanOrEqualTo(_hostMemory.Budget));
    });

    /// <summary>Trains by a plan that sends parameters to host memory and all else to the paths.</summary>
    private static ProgramRunner Planned()
    {
        var runner = new ProgramRunner(
            1L << 30, static request => TestPlanners.MoveEverything(request, static t => t.Kind == TensorKind.Parameter ? MemoryTier.Host : MemoryTier.Ssd), hostMemory: _hostMemory);
        runner.CreateAll(Layers);
        for (int i = 0; i < 3; i++) runner.Step(Programs.Training(Layers), settle: true);
        return runner;
    }

    /// <summary>The ops; before each, what the settled ops before it left away is noted.</summary>
    private static IEnumerable<ProgramOp> Observed(IEnumerable<ProgramOp> ops, ProgramRunner runner, HashSet<(TensorKind, bool)> found)
    {
        foreach (ProgramOp op in ops)
        {
            foreach (TensorBlock block in Offloaded(runner)) found.Add((runner.Run.Trace!.Tensors[block.PlanTensor].Kind, block.Copy!.Host is not null));
            yield return op;
        }
    }

    private static List<TensorBlock> Offloaded(ProgramRunner runner)
    {
        lock (runner.Engine.State.Sync) return [.. runner.Engine.State.Blocks.Values.Where(static b => b.State == ResidencyState.Offloaded)];
    }
}
