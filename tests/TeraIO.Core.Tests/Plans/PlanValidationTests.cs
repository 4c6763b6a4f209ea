using System.Diagnostics;
using TeraIO.Core.Plans;
using TeraIO.Core.Tests.Tracing;
using TeraIO.Core.Tracing;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Core.Tests.Plans;

/// <summary>
/// Against the trace of three ops: w (1000 bytes, persistent) is used by ops 0 and 2, h (500) lives from op 0 to op 1, g cannot move.
/// </summary>
[TestFixture]
public class PlanValidationTests
{
    private static readonly (string Name, PlannedMigration[] Migrations, string? Rule)[] _plans =
    [
        ("away and back", [SmallPlans.Offload(0, 0, 1), SmallPlans.Prefetch(0, 2, 2)], null),
        ("around the end", [SmallPlans.Prefetch(0, 0, 0), SmallPlans.Offload(0, 2, 0)], null),
        ("twice", [SmallPlans.Prefetch(0, 0, 0), SmallPlans.Offload(0, 0, 1), SmallPlans.Prefetch(0, 2, 2), SmallPlans.Offload(0, 2, 0)], null),
        ("not brought back", [SmallPlans.Offload(0, 0, 1)], null),
        ("brought back on demand between", [SmallPlans.Offload(0, 0, 1), SmallPlans.Offload(0, 2, 0)], null),
        ("two halves", [SmallPlans.Offload(0, 0, 1, 500), SmallPlans.Offload(0, 1, 2, 500, 500), SmallPlans.Prefetch(0, 2, 2)], null),
        ("leaves twice", [SmallPlans.Offload(0, 0, 1), SmallPlans.Offload(0, 1, 2)], "cannot leave again"),
        ("leaves twice at once", [SmallPlans.Offload(0, 0, 1), SmallPlans.Offload(0, 0, 1)], "cannot leave again"),
        ("leaves twice in part", [SmallPlans.Offload(0, 0, 1), SmallPlans.Offload(0, 1, 2, 1, 999)], "cannot leave again"),
        ("comes back twice", [SmallPlans.Prefetch(0, 1, 2), SmallPlans.Prefetch(0, 2, 2)], "cannot come back again"),
        ("comes back before it went", [SmallPlans.Offload(0, 0, 2), SmallPlans.Prefetch(0, 1, 2)], "may still be under way until op 2"),
        ("goes while it comes", [SmallPlans.Prefetch(0, 1, 2), SmallPlans.Offload(0, 1, 0)], "may still be under way until op 2"),
        ("reads what was discarded", [new(MigrationKind.Discard, 0, 0, 1000, MemoryTier.Ssd, false, 0, 1), SmallPlans.Prefetch(0, 2, 2)], "nowhere to be read from"),
        ("computes what was discarded", [new(MigrationKind.Discard, 0, 0, 1000, MemoryTier.Ssd, false, 0, 1), new(MigrationKind.Recompute, 0, 0, 1000, MemoryTier.Ssd, false, 2, 2)], null),
        ("part outside", [SmallPlans.Offload(0, 0, 1, 1000, 1)], "from 1 to 1001; the tensor has 1000"),
        ("cannot move", [SmallPlans.Offload(2, 1, 2)], "cannot leave memory"),
        ("not born", [SmallPlans.Prefetch(1, 0, 1, 500)], "outside the tensor's life"),
        ("dead", [SmallPlans.Offload(1, 1, 2, 500)], "outside the tensor's life"),
        ("for an op that does not use it", [SmallPlans.Prefetch(0, 1, 1)], "deadlineOp 1, which does not use the tensor"),
    ];

    [TestCaseSource(nameof(_plans))]
    public void A_plan_is_checked_against_its_trace((string Name, PlannedMigration[] Migrations, string? Rule) plan)
    {
        Trace trace = SmallTraces.ThreeOps();
        if (plan.Rule is null) Assert.That(() => PlanValidation.Check(SmallPlans.ThreeOps(plan.Migrations), trace), Throws.Nothing);
        else Assert.That(() => PlanValidation.Check(SmallPlans.ThreeOps(plan.Migrations), trace), Throws.TypeOf<TraceFormatException>().With.Message.Contains(plan.Rule));
    }

    [Test]
    public void A_plan_for_another_trace_is_refused()
    {
        MigrationPlan plan = SmallPlans.ThreeOps();
        foreach (MigrationPlan other in (MigrationPlan[])[plan with { TraceName = "other" }, plan with { OpCount = 4 }, plan with { TensorCount = 4 }])
            Assert.That(() => PlanValidation.Check(other, SmallTraces.ThreeOps()), Throws.TypeOf<TraceFormatException>().With.Message.Contains("make a plan for this one"));
    }

    [Test]
    public void A_tensor_whose_life_wraps_around_moves_within_it_only()
    {
        var builder = new TraceBuilder(new TraceHeader("three ops"));
        builder.AddTensor(new TraceTensor(1000, TensorKind.Gradient, IsPersistent: false));
        for (int i = 0; i < 4; i++) builder.AddOp(new TraceOp("op", 1));
        builder = new TraceBuilder(new TraceHeader("three ops"));
        builder.AddTensor(new TraceTensor(1000, TensorKind.Gradient, IsPersistent: false));
        AccessKind[] kinds = [AccessKind.Read, AccessKind.Read | AccessKind.Free, AccessKind.None, AccessKind.Create];
        foreach (AccessKind kind in kinds)
        {
            builder.AddOp(new TraceOp("op", 1));
            if (kind != AccessKind.None) builder.Access(0, kind);
        }

        Trace trace = builder.Build();
        Assert.Multiple(() =>
        {
            Assert.That(() => Check(SmallPlans.Offload(0, 3, 0)), Throws.Nothing);
            Assert.That(() => Check(SmallPlans.Prefetch(0, 1, 1)), Throws.Nothing);
            Assert.That(() => Check(SmallPlans.Offload(0, 1, 2)), Throws.TypeOf<TraceFormatException>());
            Assert.That(() => Check(SmallPlans.Offload(0, 2, 3)), Throws.TypeOf<TraceFormatException>());
            Assert.That(() => Check(SmallPlans.Prefetch(0, 3, 0)), Throws.TypeOf<TraceFormatException>());
        });

        void Check(PlannedMigration migration) => PlanValidation.Check(SmallPlans.ThreeOps(migration) with { OpCount = 4, TensorCount = 1 }, trace);
    }

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public FsCheck.Property Overlaps_are_those_that_byte_for_byte_bookkeeping_finds() => Seeds.ForAll(static seed =>
    {
        var random = new Random(seed);
        const int ops = 6;
        const int bytes = 8;
        var builder = new TraceBuilder(new TraceHeader("three ops"));
        builder.AddTensor(new TraceTensor(bytes, TensorKind.Parameter, IsPersistent: true));
        var uses = new bool[ops];
        for (int op = 0; op < ops; op++)
        {
            builder.AddOp(new TraceOp("op", 1));
            uses[op] = random.Next(3) == 0 || op == 0;
            if (uses[op]) builder.Access(0, AccessKind.Read);
        }

        var migrations = new List<PlannedMigration>();
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            long offset = random.Next(bytes);
            long size = 1 + random.Next((int)(bytes - offset));
            int issue = random.Next(ops);
            // Deadlines as near as possible, so that only the order of the moves matters here.
            int use = Enumerable.Range(issue, ops).First(op => uses[op % ops]) % ops;
            migrations.Add(random.Next(2) == 0 ? SmallPlans.Offload(0, issue, (issue + 1) % ops, size, offset) : SmallPlans.Prefetch(0, use, use, size, offset));
        }

        MigrationPlan plan = SmallPlans.ThreeOps([.. migrations.OrderBy(static migration => PlanValidation.Slot(migration))]) with { OpCount = ops, TensorCount = 1 };
        bool isRefused = false;
        try
        {
            PlanValidation.Check(plan, builder.Build());
        }
        catch (TraceFormatException)
        {
            isRefused = true;
        }

        Assert.That(isRefused, Is.EqualTo(Enumerable.Range(0, bytes).Any(place => MovesTwice(plan, uses, place))), string.Join(" ", plan.Migrations));
    });

    [Test]
    public void Fifty_thousand_parts_of_one_tensor_take_less_than_five_seconds()
    {
        const int parts = 50_000;
        var builder = new TraceBuilder(new TraceHeader("three ops"));
        builder.AddTensor(new TraceTensor(parts * 2, TensorKind.Parameter, IsPersistent: true));
        for (int op = 0; op < 3; op++) builder.AddOp(new TraceOp("op", 1));
        builder.Access(0, AccessKind.Read);
        int[] order = [.. Enumerable.Range(0, parts)];
        new Random(1).Shuffle(order);
        PlannedMigration[] migrations = [.. order.Select(static part => SmallPlans.Offload(0, 0, 1, 2, 2 * part)), SmallPlans.Prefetch(0, 2, 2, parts * 2)];
        var clock = Stopwatch.StartNew();
        PlanValidation.Check(SmallPlans.ThreeOps(migrations) with { TensorCount = 1 }, builder.Build());
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    /// <summary>Walks two iterations in small steps for one byte.</summary>
    private static bool MovesTwice(MigrationPlan plan, bool[] uses, int place)
    {
        PlannedMigration[] own = [.. plan.Migrations.Where(migration => migration.Offset <= place && place < migration.Offset + migration.Bytes)];
        if (own.Length < 2) return false;
        bool? wentAway = null; // null: used since the last migration, or none yet
        for (int turn = 0; turn < 2; turn++)
        {
            for (int op = 0; op < plan.OpCount; op++)
            {
                foreach (PlannedMigration migration in own.Where(migration => migration.IssueOp == op && migration.Kind == MigrationKind.Prefetch))
                {
                    if (wentAway == false) return true;
                    wentAway = false;
                }

                if (uses[op]) wentAway = null;
                foreach (PlannedMigration migration in own.Where(migration => migration.IssueOp == op && migration.Kind == MigrationKind.Offload))
                {
                    if (wentAway == true) return true;
                    wentAway = true;
                }
            }
        }

        return false;
    }
}
