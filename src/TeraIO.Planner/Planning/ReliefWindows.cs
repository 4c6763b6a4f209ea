using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Planning;

/// <summary>
/// In which ops of a period the memory of its tensor is really free: after the write has ended and before the read begins. How long the two take is estimated
/// from the bandwidths and how crowded the path is. Immutable.
/// </summary>
internal sealed class ReliefWindows
{
    private readonly int[] _first;
    private readonly int[] _count;

    private ReliefWindows(int[] first, int[] count)
    {
        _first = first;
        _count = count;
    }

    /// <summary>All ops of every period: transfers take no time, or ops wait for them.</summary>
    public static ReliefWindows Whole(PlanningProblem problem)
    {
        var count = new int[problem.PeriodCount];
        for (int p = 0; p < count.Length; p++) count[p] = problem.Period(p).IdleOps;
        return new ReliefWindows(problem.FirstIdle, count);
    }

    /// <summary>What remains of every period when its transfers take their time.</summary>
    /// <param name="problem">The trace and machine.</param>
    /// <param name="clock">When ops run.</param>
    /// <param name="crowding">How many times longer a transfer takes than on an idle path.</param>
    public static ReliefWindows Of(PlanningProblem problem, OpClock clock, double crowding)
    {
        TierModel tier = problem.Machine.Storage;
        var first = new int[problem.PeriodCount];
        var count = new int[first.Length];
        for (int p = 0; p < first.Length; p++)
        {
            ref readonly InactivePeriod period = ref problem.Period(p);
            long begin = period.StartOp + 1;
            long end = begin + period.IdleOps;
            double write = period.IsDirty ? tier.LatencySeconds + crowding * period.Bytes / tier.WriteBandwidth : 0;
            double read = period.IsRead ? tier.LatencySeconds + crowding * period.Bytes / tier.ReadBandwidth : 0;
            long from = write == 0 ? begin : Math.Max(begin, clock.FirstOpStartingAt(clock.End(period.StartOp) + write));
            long to = read == 0 ? end : Math.Min(end, clock.LastOpStartingAt(clock.UnrolledStart(end) - read));
            first[p] = (int)(from % problem.Ops);
            count[p] = (int)Math.Max(0, to - from);
        }

        return new ReliefWindows(first, count);
    }

    /// <summary>The ops of a period, cyclically.</summary>
    public (int First, int Count) this[int period] => (_first[period], _count[period]);
}
