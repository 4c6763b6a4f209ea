using TeraIO.Core.Plans;

namespace TeraIO.Core.Tests.Plans;

/// <summary>Plans for tests.</summary>
internal static class SmallPlans
{
    /// <summary>For the trace of three ops: w goes after forward and comes back for the update.</summary>
    public static MigrationPlan ThreeOps(params PlannedMigration[] migrations) => new()
    {
        Policy = "by hand",
        TraceName = "three ops",
        OpCount = 3,
        TensorCount = 3,
        MemoryBudget = 2048,
        PredictedStepSeconds = 0.1,
        EvictionOrder = EvictionOrder.LeastRecentlyUsed,
        Migrations = migrations.Length > 0 ? migrations : [Offload(0, 0, 1), Prefetch(0, 2, 2)],
    };

    public static PlannedMigration Offload(int tensor, int issueOp, int deadlineOp, long bytes = 1000, long offset = 0) =>
        new(MigrationKind.Offload, tensor, offset, bytes, MemoryTier.Ssd, Writes: true, issueOp, deadlineOp);

    public static PlannedMigration Prefetch(int tensor, int issueOp, int deadlineOp, long bytes = 1000, long offset = 0) =>
        new(MigrationKind.Prefetch, tensor, offset, bytes, MemoryTier.Ssd, Writes: false, issueOp, deadlineOp);

    /// <summary>Any plan that keeps the rules that need no trace.</summary>
    public static MigrationPlan Random(int seed)
    {
        var random = new Random(seed);
        int opCount = 1 + random.Next(50);
        int tensorCount = 1 + random.Next(20);
        var migrations = new List<PlannedMigration>();
        for (int i = random.Next(60); i > 0; i--)
        {
            var kind = (MigrationKind)random.Next(4);
            migrations.Add(new PlannedMigration(
                kind, random.Next(tensorCount), random.Next(2) * random.Next(1000), 1 + random.NextInt64(1L << 40), (MemoryTier)random.Next(2),
                kind == MigrationKind.Offload && random.Next(2) == 0, random.Next(opCount), random.Next(opCount)));
        }

        return new MigrationPlan
        {
            Policy = "random \"" + seed + "\"",
            TraceName = "名前",
            OpCount = opCount,
            TensorCount = tensorCount,
            MemoryBudget = random.NextInt64(),
            EvictionOrder = (EvictionOrder)random.Next(2),
            PredictedStepSeconds = random.NextDouble(),
            Migrations = [.. migrations.OrderBy(static migration => PlanValidation.Slot(migration))],
        };
    }
}
