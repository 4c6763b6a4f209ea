using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Decides before which op each selected tensor is asked back: not before its bound (right away, or the latest safe start as booked), and only where its
/// memory fits under the budget from there to its use. Those that are needed first choose first.
/// </summary>
internal static class PrefetchPlacement
{
    /// <summary>Places all prefetches.</summary>
    /// <param name="problem">The trace and machine.</param>
    /// <param name="list">The selected periods.</param>
    /// <param name="memory">Bytes in memory at each op when every selected tensor is away for its whole period.</param>
    /// <param name="earliest">For each of the list: by how many ops after the start of the period it may be asked back at the earliest; at least 2.</param>
    /// <returns>For each of the list: how many ops after the start of its period the prefetch is issued; 0 for periods that need no read.</returns>
    public static int[] Place(PlanningProblem problem, List<int> list, long[] memory, ReadOnlySpan<int> earliest)
    {
        var tree = new CyclicRangeTree(memory);
        int tightest = 0;
        for (int op = 1; op < memory.Length; op++)
        {
            if (memory[op] > memory[tightest]) tightest = op;
        }

        var keys = new int[list.Count];
        var order = new int[list.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
            keys[i] = TraceLifetimes.Distance(tightest, problem.Period(list[i]).EndOp, problem.Ops);
        }

        Array.Sort(keys, order);
        var issue = new int[list.Count];
        foreach (int i in order)
        {
            ref readonly InactivePeriod period = ref problem.Period(list[i]);
            if (!period.IsRead) continue;
            int latest = period.IdleOps + 1;
            int bound = Math.Clamp(earliest[i], 2, latest);
            int first = (int)(((long)period.StartOp + bound) % problem.Ops);
            int full = tree.LastAbove(first, latest - bound, problem.Budget - period.Bytes);
            issue[i] = bound + full + 1;
            tree.Add((int)(((long)period.StartOp + issue[i]) % problem.Ops), latest - issue[i], period.Bytes);
        }

        return issue;
    }
}
