using TeraIO.Core.Plans;
using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Planning;

/// <summary>Turns selected periods and the places of their prefetches into a plan.</summary>
internal static class PlanComposition
{
    /// <summary>Puts the plan together, in the order that <see cref="MigrationPlan.Migrations"/> asks for.</summary>
    /// <param name="problem">The trace and machine.</param>
    /// <param name="selection">What is away.</param>
    /// <param name="issue">For each period, how many ops after its start its prefetch is issued.</param>
    /// <param name="policy">Name of the policy.</param>
    /// <param name="onHost">For each version whether it waits in host memory.</param>
    public static MigrationPlan Compose(
        PlanningProblem problem, PeriodSelection selection, ReadOnlySpan<int> issue, string policy, bool[] onHost)
    {
        CyclicRangeTree live = problem.LiveCurve;
        List<int> list = selection.ToList();
        var migrations = new List<(PlannedMigration Migration, int Wait)>(2 * list.Count);
        for (int i = 0; i < list.Count; i++)
        {
            int p = list[i];
            ref readonly InactivePeriod period = ref problem.Period(p);
            MemoryTier where = onHost[period.Version] ? MemoryTier.Host : MemoryTier.Ssd;
            int tight = Math.Max(0, live.FirstAbove(problem.FirstIdle[p], period.IdleOps, problem.Budget));
            // Once it is on its way back nobody needs the room any more.
            int last = period.IsRead ? Math.Max(0, issue[p] - 1) : period.IdleOps;
            int needed = (int)(((long)problem.FirstIdle[p] + Math.Min(tight, last)) % problem.Ops);
            migrations.Add((new PlannedMigration(
                MigrationKind.Offload, period.Tensor, 0, period.Bytes, where, selection.Writes(p), period.StartOp, needed), tight));
            if (!period.IsRead) continue;
            int at = (int)(((long)period.StartOp + issue[p]) % problem.Ops);
            migrations.Add((new PlannedMigration(
                MigrationKind.Prefetch, period.Tensor, 0, period.Bytes, where, Writes: false, at, period.EndOp), period.IdleOps + 1 - issue[p]));
        }

        migrations.Sort(static (a, b) =>
        {
            int order = a.Migration.IssueOp.CompareTo(b.Migration.IssueOp);
            if (order == 0) order = Rank(a.Migration.Kind).CompareTo(Rank(b.Migration.Kind));
            // The most urgent first.
            if (order == 0) order = a.Wait.CompareTo(b.Wait);
            return order != 0 ? order : a.Migration.Tensor.CompareTo(b.Migration.Tensor);
        });
        var plan = new PlannedMigration[migrations.Count];
        for (int i = 0; i < plan.Length; i++) plan[i] = migrations[i].Migration;
        return new MigrationPlan
        {
            Policy = policy,
            TraceName = problem.Trace.Header.Name,
            OpCount = problem.Ops,
            TensorCount = problem.Trace.Tensors.Length,
            MemoryBudget = problem.Budget,
            Migrations = plan,
            EvictionOrder = EvictionOrder.FarthestNextUse,
        };
    }

    private static int Rank(MigrationKind kind) => kind is MigrationKind.Prefetch or MigrationKind.Recompute ? 0 : 1;
}
