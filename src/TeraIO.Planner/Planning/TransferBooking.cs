using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Books the transfers of a selection on the path of a tier, around the iteration: writes as early as possible, one after the other; reads as late as
/// possible, one before the other, so that each ends before the op that needs it. TERAIO's and G10's bookings end at the last kernel; this one goes on into the
/// iteration that follows and comes back to where it began.
/// </summary>
internal sealed class TransferBooking
{
    /// <summary>Latest second at which the read of a selected period may begin, on the clock of the iteration in which the period began; by position in the list.</summary>
    public double[] ReadStart { get; }

    /// <summary>Second at which its write has ended, on the same clock; when it began, for a period that writes nothing.</summary>
    public double[] WriteEnd { get; }

    /// <param name="problem">The trace and machine.</param>
    /// <param name="selection">What is away.</param>
    /// <param name="list">The selected periods.</param>
    /// <param name="clock">When ops run.</param>
    /// <param name="onHost">For each version whether it waits in host memory.</param>
    public TransferBooking(PlanningProblem problem, PeriodSelection selection, List<int> list, OpClock clock, bool[] onHost)
    {
        ReadStart = new double[list.Count];
        WriteEnd = new double[list.Count];
        BookPath(problem, selection, list, clock, problem.Machine.Storage, p => !onHost[problem.Period(p).Version]);
        if (problem.Machine.Host is { } host) BookPath(problem, selection, list, clock, host, p => onHost[problem.Period(p).Version]);
    }

    private void BookPath(PlanningProblem problem, PeriodSelection selection, List<int> list, OpClock clock, TierModel tier, Func<int, bool> isOnPath)
    {
        double readSeconds = 0;
        double writeSeconds = 0;
        foreach (int p in list)
        {
            if (!isOnPath(p)) continue;
            ref readonly InactivePeriod period = ref problem.Period(p);
            if (period.IsRead) readSeconds += period.Bytes / tier.ReadBandwidth;
            if (selection.Writes(p)) writeSeconds += period.Bytes / tier.WriteBandwidth;
        }

        // How much longer a transfer takes because the other direction is busy for a part of the iteration.
        double step = Math.Max(clock.StepSeconds, 1e-12);
        double both = tier.Interference / (2 - tier.Interference);
        double readSlowdown = 1 + both * Math.Min(1, writeSeconds / step);
        double writeSlowdown = 1 + both * Math.Min(1, readSeconds / step);
        BookWrites(problem, selection, list, clock, isOnPath, writeSlowdown / tier.WriteBandwidth, tier.LatencySeconds);
        BookReads(problem, list, clock, isOnPath, readSlowdown / tier.ReadBandwidth, tier.LatencySeconds);
    }

    private void BookWrites(
        PlanningProblem problem, PeriodSelection selection, List<int> list, OpClock clock, Func<int, bool> isOnPath, double secondsPerByte, double latency)
    {
        int[] order = Order(list, isOnPath, p => problem.Period(p).StartOp);
        double free = double.NegativeInfinity;
        for (int round = 0; round < 2; round++)
        {
            foreach (int i in order)
            {
                ref readonly InactivePeriod period = ref problem.Period(list[i]);
                double begin = clock.End(period.StartOp);
                WriteEnd[i] = begin;
                if (!selection.Writes(list[i])) continue;
                free = Math.Max(free, begin) + period.Bytes * secondsPerByte;
                WriteEnd[i] = free + latency;
            }

            free -= clock.StepSeconds;
        }
    }

    private void BookReads(PlanningProblem problem, List<int> list, OpClock clock, Func<int, bool> isOnPath, double secondsPerByte, double latency)
    {
        int[] order = Order(list, isOnPath, p => problem.Period(p).EndOp);
        Array.Reverse(order);
        double next = double.PositiveInfinity;
        for (int round = 0; round < 2; round++)
        {
            foreach (int i in order)
            {
                ref readonly InactivePeriod period = ref problem.Period(list[i]);
                if (!period.IsRead) continue;
                double deadline = clock.Start(period.EndOp);
                double end = Math.Min(next, deadline);
                next = end - period.Bytes * secondsPerByte;
                double lead = deadline - next + latency;
                ReadStart[i] = clock.UnrolledStart((long)period.StartOp + period.IdleOps + 1) - lead;
            }

            next += clock.StepSeconds;
        }
    }

    private static int[] Order(List<int> list, Func<int, bool> isOnPath, Func<int, int> op)
    {
        var order = new List<int>(list.Count);
        var keys = new List<int>(list.Count);
        for (int i = 0; i < list.Count; i++)
        {
            if (!isOnPath(list[i])) continue;
            order.Add(i);
            keys.Add(op(list[i]));
        }

        int[] sorted = [.. order];
        Array.Sort(keys.ToArray(), sorted);
        return sorted;
    }
}
