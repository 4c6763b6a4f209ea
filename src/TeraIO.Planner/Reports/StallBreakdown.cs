using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>An op that waited.</summary>
/// <param name="Op">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Module">The layer it works for; null when not known.</param>
/// <param name="Start">Second at which it would have begun.</param>
/// <param name="Seconds">How long it waited.</param>
/// <param name="Cause">The main reason.</param>
/// <param name="WaitedFor">The tensor whose transfer ended last during the wait; null when none did or transfers were not recorded.</param>
public sealed record StalledOp(int Op, string Name, string? Module, double Start, double Seconds, StallCause Cause, int? WaitedFor);

/// <summary>Where the waiting of an iteration comes from.</summary>
/// <param name="SecondsByCause">Seconds per cause; causes without any are left out.</param>
/// <param name="StalledOps">Ops that waited at all.</param>
/// <param name="Longest">The longest waits, longest first.</param>
public sealed record StallBreakdown(IReadOnlyDictionary<StallCause, double> SecondsByCause, int StalledOps, IReadOnlyList<StalledOp> Longest)
{
    /// <summary>Of a feasible simulation; it names what was waited for only where transfers were recorded.</summary>
    /// <param name="trace">What was simulated.</param>
    /// <param name="simulation">The result.</param>
    /// <param name="most">Waits in <see cref="Longest"/> at most.</param>
    public static StallBreakdown Of(Trace trace, SimulationResult simulation, int most)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(simulation);
        var byCause = new SortedDictionary<StallCause, double>();
        var ops = new List<int>();
        for (int op = 0; op < simulation.StallPerOp.Count; op++)
        {
            if (simulation.StallPerOp[op] <= 0) continue;
            ops.Add(op);
            StallCause cause = CauseOf(simulation, op);
            byCause[cause] = byCause.GetValueOrDefault(cause) + simulation.StallPerOp[op];
        }

        // The number breaks ties: the same simulation always gives the same report.
        ops.Sort((a, b) => simulation.StallPerOp[b].CompareTo(simulation.StallPerOp[a]) is not 0 and var order ? order : a.CompareTo(b));
        var longest = new StalledOp[Math.Min(most, ops.Count)];
        for (int i = 0; i < longest.Length; i++) longest[i] = Describe(trace, simulation, ops[i]);
        return new StallBreakdown(byCause, ops.Count, longest);
    }

    private static StallCause CauseOf(SimulationResult simulation, int op) => op < simulation.StallCausePerOp.Count ? simulation.StallCausePerOp[op] : StallCause.None;

    private static StalledOp Describe(Trace trace, SimulationResult simulation, int op)
    {
        double seconds = simulation.StallPerOp[op];
        double begin = op < simulation.OpStart.Count ? simulation.OpStart[op] : 0;
        StallCause cause = CauseOf(simulation, op);
        return new StalledOp(op, trace.Ops[op].Name, trace.Ops[op].Module, begin - seconds, seconds, cause, WaitedFor(trace, simulation, op, begin, seconds, cause));
    }

    private static int? WaitedFor(Trace trace, SimulationResult simulation, int op, double begin, double seconds, StallCause cause)
    {
        double slack = seconds * 1e-6;
        int? tensor = null;
        double last = double.NegativeInfinity;
        foreach (SimulatedTransfer transfer in simulation.Transfers)
        {
            if (transfer.Ended < begin - seconds - slack || transfer.Ended > begin + slack || transfer.Ended <= last) continue;
            bool fits = cause == StallCause.NoRoom ? transfer.Kind == MigrationKind.Offload : transfer.Kind == MigrationKind.Prefetch && Uses(trace, op, transfer.Tensor);
            if (!fits) continue;
            tensor = transfer.Tensor;
            last = transfer.Ended;
        }

        return tensor;
    }

    private static bool Uses(Trace trace, int op, int tensor)
    {
        foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            if (access.Tensor == tensor) return true;
        return false;
    }
}
