using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Planning;

/// <summary>Takes periods back that are not needed any more, since others that were selected later cover the same ops.</summary>
internal static class RedundantMigrations
{
    /// <summary>Removes the dearest first, as long as no op gets over the limit.</summary>
    /// <param name="problem">The trace and machine.</param>
    /// <param name="selection">What is away.</param>
    /// <param name="curve">Bytes in memory with that selection, over <paramref name="relief"/>; brought up to date.</param>
    /// <param name="limit">How many there may be.</param>
    /// <param name="costs">What a period costs.</param>
    /// <param name="relief">The ops in which each period's memory is free.</param>
    public static void Remove(
        PlanningProblem problem, PeriodSelection selection, CyclicRangeTree curve, long limit, TransferCosts costs, ReliefWindows relief)
    {
        List<int> order = selection.ToList();
        var cost = new double[order.Count];
        for (int i = 0; i < cost.Length; i++) cost[i] = -costs.OfRemoving(selection, order[i], problem.Period(order[i]));
        int[] byCost = [.. order];
        Array.Sort(cost, byCost);
        foreach (int p in byCost)
        {
            ref readonly InactivePeriod period = ref problem.Period(p);
            (int first, int count) = relief[p];
            if (curve.MaxOf(first, count) + period.Bytes > limit) continue;
            selection.Remove(p);
            curve.Add(first, count, period.Bytes);
        }
    }
}
