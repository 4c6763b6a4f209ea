using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Selects periods by walking through the iteration: whenever an op lacks room, the idle tensor whose next use is farthest away leaves (Belady's rule, which
/// moves the fewest bytes when tensors can be split and every byte costs the same). Tensors come back ahead of their use by the time that reading takes. Walks
/// several rounds, so that what is selected fits a steady iteration.
/// </summary>
internal sealed class FarthestUseSelection(PlanningProblem problem, ReliefWindows relief)
{
    /// <summary>Instances that begin in this round are taken: the rounds before it settle what is away when an iteration begins, one follows to end them.</summary>
    private const int MeasuredRound = 2;

    private readonly int[] _firstStarting = new int[problem.Ops + 1];
    private readonly int[] _starting = new int[problem.Movable.Length];

    /// <summary>Selects until at most <paramref name="limit"/> bytes are in memory at any op, as far as idle tensors allow.</summary>
    public PeriodSelection Run(long limit)
    {
        SortByStart();
        int ops = problem.Ops;
        var selection = new PeriodSelection(problem);
        var open = new PriorityQueue<(int Period, long Start), long>();
        var back = new PriorityQueue<int, long>(); // periods by the op before which their memory is taken again
        long away = 0;
        foreach (int p in problem.Movable)
        {
            ref readonly InactivePeriod period = ref problem.Period(p);
            if (period.StartOp + period.IdleOps >= ops) Open(open, p, period.StartOp - ops);
        }

        for (int round = 0; round <= MeasuredRound + 1; round++)
        {
            for (int op = 0; op < ops; op++)
            {
                long now = (long)round * ops + op;
                while (back.TryPeek(out int returning, out long at) && at <= now)
                {
                    back.Dequeue();
                    away -= problem.Period(returning).Bytes;
                }

                while (problem.Lifetimes.LiveBytes[op] - away > limit && open.TryDequeue(out (int Period, long Start) victim, out long key))
                {
                    long end = -key;
                    if (end <= now) break; // the farthest is due: all are
                    ref readonly InactivePeriod period = ref problem.Period(victim.Period);
                    long until = victim.Start + 1 + period.IdleOps;
                    away += period.Bytes;
                    back.Enqueue(victim.Period, period.IsRead ? end : until);
                    if (victim.Start >= MeasuredRound * (long)ops && victim.Start < (MeasuredRound + 1) * (long)ops) selection.Add(victim.Period);
                }

                for (int i = _firstStarting[op]; i < _firstStarting[op + 1]; i++) Open(open, _starting[i], now);
            }
        }

        return selection;
    }

    private void Open(PriorityQueue<(int Period, long Start), long> open, int p, long start)
    {
        (int first, int count) = relief[p];
        if (count <= 0) return;
        ref readonly InactivePeriod period = ref problem.Period(p);
        // The op at which the memory is taken again, counted from the start of the period.
        long lag = TraceLifetimes.Distance(problem.FirstIdle[p], first, problem.Ops);
        open.Enqueue((p, start), -(period.IsRead ? start + 1 + lag + count : start + 1 + period.IdleOps + problem.Ops));
    }

    private void SortByStart()
    {
        Array.Clear(_firstStarting);
        foreach (int p in problem.Movable) _firstStarting[problem.Period(p).StartOp + 1]++;
        for (int op = 0; op < problem.Ops; op++) _firstStarting[op + 1] += _firstStarting[op];
        var next = (int[])_firstStarting.Clone();
        foreach (int p in problem.Movable) _starting[next[problem.Period(p).StartOp]++] = p;
    }
}
