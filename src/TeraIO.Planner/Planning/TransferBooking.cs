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
    /// <param name="margin">By how many seconds reads should end before they must.</param>
    public TransferBooking(PlanningProblem problem, PeriodSelection selection, List<int> list, OpClock clock, double margin)
    {
        ReadStart = new double[list.Count];
        WriteEnd = new double[list.Count];
        TierModel tier = problem.Machine.Storage;
        double readSeconds = 0;
        double writeSeconds = 0;
        foreach (int p in list)
        {
            ref readonly InactivePeriod period = ref problem.Period(p);
            if (period.IsRead) readSeconds += period.Bytes / tier.ReadBandwidth;
            if (selection.Writes(p)) writeSeconds += period.Bytes / tier.WriteBandwidth;
        }

        // How much longer a transfer takes because the other direction is busy for a part of the iteration.
        double step = Math.Max(clock.StepSeconds, 1e-12);
        double both = tier.Interference / (2 - tier.Interference);
        double readSlowdown = 1 + both * Math.Min(1, writeSeconds / step);
        double writeSlowdown = 1 + both * Math.Min(1, readSeconds / step);
        BookWrites(problem, selection, list, clock, writeSlowdown / tier.WriteBandwidth, tier.LatencySeconds);
        BookReads(problem, list, clock, readSlowdown / tier.ReadBandwidth, tier.LatencySeconds, margin);
    }

    private void BookWrites(PlanningProblem problem, PeriodSelection selection, List<int> list, OpClock clock, double secondsPerByte, double latency)
    {
        int[] order = Order(list, p => problem.Period(p).StartOp);
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

    private void BookReads(PlanningProblem problem, List<int> list, OpClock clock, double secondsPerByte, double latency, double margin)
    {
        int[] order = Order(list, p => problem.Period(p).EndOp);
        Array.Reverse(order);
        double next = double.PositiveInfinity;
        for (int round = 0; round < 2; round++)
        {
            foreach (int i in order)
            {
                ref readonly InactivePeriod period = ref problem.Period(list[i]);
                if (!period.IsRead) continue;
                double deadline = clock.Start(period.EndOp);
                double end = Math.Min(next, deadline - margin);
                next = end - period.Bytes * secondsPerByte;
                double lead = deadline - next + latency;
                ReadStart[i] = clock.UnrolledStart((long)period.StartOp + period.IdleOps + 1) - lead;
            }

            next += clock.StepSeconds;
        }
    }

    private static int[] Order(List<int> list, Func<int, int> op)
    {
        var keys = new int[list.Count];
        var order = new int[list.Count];
        for (int i = 0; i < order.Length; i++)
        {
            keys[i] = op(list[i]);
            order[i] = i;
        }

        Array.Sort(keys, order);
        return order;
    }
}
