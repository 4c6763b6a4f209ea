using System.Diagnostics.CodeAnalysis;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.TestSupport.Tracing;

/// <summary>Plans without sense or aim: whatever they say, ops must run and budgets must hold.</summary>
[SuppressMessage("Security", "CA5394", Justification = "Test data, not secrets.")]
public static class RandomPlans
{
    /// <summary>Migrations of all kinds at random places, whole and partial, in the order in which plans list them.</summary>
    public static MigrationPlan Garbage(int seed, Trace trace, long budget)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var random = new Random(unchecked(seed * 17 + 3));
        int ops = trace.Ops.Length;
        int tensors = trace.Tensors.Length;
        var migrations = new List<PlannedMigration>();
        for (int i = tensors == 0 ? 0 : random.Next(4 * tensors); i > 0; i--)
        {
            int tensor = random.Next(tensors);
            long bytes = trace.Tensors[tensor].Bytes;
            var kind = (MigrationKind)random.Next(4);
            bool isPartial = kind is MigrationKind.Offload or MigrationKind.Prefetch && random.Next(3) == 0;
            long offset = isPartial ? random.NextInt64(bytes) : 0;
            long length = isPartial ? 1 + random.NextInt64(bytes - offset) : bytes;
            var tier = (MemoryTier)random.Next(2);
            migrations.Add(new PlannedMigration(kind, tensor, offset, length, tier, random.Next(2) == 0, random.Next(ops), random.Next(ops)));
        }

        return MigrationPlan.OnDemand(trace, budget, (EvictionOrder)random.Next(2), "garbage") with
        {
            Migrations = [.. migrations.OrderBy(static m => (m.IssueOp, m.Kind is MigrationKind.Offload or MigrationKind.Discard))],
        };
    }
}
