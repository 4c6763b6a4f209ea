using TeraIO.Core.Plans;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>Planners for tests: simple ones whose plans are known, and ones that make nonsense.</summary>
internal static class TestPlanners
{
    /// <summary>Every movable tensor with a gap leaves after each use and is asked for two ops before the next.</summary>
    public static MigrationPlan MoveEverything(PlanRequest request) => MoveEverything(request, static _ => MemoryTier.Ssd);

    /// <inheritdoc cref="MoveEverything(PlanRequest)"/>
    /// <param name="request">What is to be planned.</param>
    /// <param name="tierOf">Where a tensor waits; asked once for each time that it leaves.</param>
    public static MigrationPlan MoveEverything(PlanRequest request, Func<TraceTensor, MemoryTier> tierOf)
    {
        Trace trace = request.Trace;
        int ops = trace.Ops.Length;
        var migrations = new List<PlannedMigration>();
        var uses = UsesOf(trace);
        for (int tensor = 0; tensor < uses.Count; tensor++)
        {
            TraceTensor description = trace.Tensors[tensor];
            if (!description.IsMovable) continue;
            List<int> of = uses[tensor];
            int periods = description.IsPersistent ? of.Count : of.Count - 1;
            for (int i = 0; i < periods; i++)
            {
                int use = of[i];
                int next = i + 1 < of.Count ? of[i + 1] : of[0] + ops;
                if (next - use < 4) continue;
                MemoryTier tier = tierOf(description);
                migrations.Add(new PlannedMigration(MigrationKind.Offload, tensor, 0, description.Bytes, tier, true, use, next % ops));
                migrations.Add(new PlannedMigration(MigrationKind.Prefetch, tensor, 0, description.Bytes, tier, false, (next - 1) % ops, next % ops));
            }
        }

        return Of(trace, migrations);
    }

    /// <summary>Migrations without sense: any tensor, at any op, in any order.</summary>
    public static MigrationPlan Nonsense(PlanRequest request, int seed)
    {
        Trace trace = request.Trace;
        if (trace.Tensors.Length == 0) return Of(trace, []);
        var random = new Random(seed);
        var migrations = new List<PlannedMigration>();
        for (int i = 0; i < trace.Ops.Length * 2; i++)
        {
            int tensor = random.Next(trace.Tensors.Length);
            MigrationKind kind = random.Next(2) == 0 ? MigrationKind.Offload : MigrationKind.Prefetch;
            migrations.Add(new PlannedMigration(
                kind, tensor, 0, trace.Tensors[tensor].Bytes, MemoryTier.Ssd, kind == MigrationKind.Offload, random.Next(trace.Ops.Length), random.Next(trace.Ops.Length)));
        }

        return Of(trace, migrations);
    }

    /// <summary>Moves nothing ahead of time.</summary>
    public static MigrationPlan Nothing(PlanRequest request) => Of(request.Trace, []);

    private static MigrationPlan Of(Trace trace, List<PlannedMigration> migrations) =>
        MigrationPlan.OnDemand(trace, 1, EvictionOrder.FarthestNextUse, "test") with
        {
            Migrations = [.. migrations.OrderBy(m => m.IssueOp).ThenBy(m => m.Kind == MigrationKind.Offload)],
        };

    private static List<List<int>> UsesOf(Trace trace)
    {
        var uses = new List<List<int>>();
        for (int i = 0; i < trace.Tensors.Length; i++) uses.Add([]);
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (TraceAccess access in trace.AccessesOf(op))
            {
                if (access.IsUse) uses[access.Tensor].Add(op);
            }
        }

        return uses;
    }
}
