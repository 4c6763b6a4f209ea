using TeraIO.Core.Tracing;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>
/// When ops begin and end in a steady iteration, in seconds from its start. The planner books transfers against it. First it is the trace's own (no stalls);
/// where stalls cannot be avoided the simulated iteration takes its place: a stretched clock with the stalls in it. Immutable.
/// </summary>
internal sealed class OpClock
{
    private readonly double[] _start;
    private readonly double[] _end;

    private OpClock(double[] start, double[] end, double step)
    {
        _start = start;
        _end = end;
        StepSeconds = step;
    }

    /// <summary>Seconds of an iteration.</summary>
    public double StepSeconds { get; }

    /// <summary>Number of ops.</summary>
    public int Ops => _start.Length;

    /// <summary>No op ever waits.</summary>
    public static OpClock WithoutStalls(Trace trace)
    {
        var start = new double[trace.Ops.Length];
        var end = new double[start.Length];
        double now = 0;
        for (int op = 0; op < start.Length; op++)
        {
            start[op] = now;
            now += trace.Ops[op].Seconds;
            end[op] = now;
        }

        return new OpClock(start, end, now);
    }

    /// <summary>As simulated, stalls included.</summary>
    public static OpClock Of(SimulationResult simulation) =>
        new([.. simulation.OpStart], [.. simulation.OpEnd], Math.Max(simulation.StepSeconds, simulation.OpEnd.Count == 0 ? 0 : simulation.OpEnd[^1]));

    /// <summary>Second at which an op begins.</summary>
    public double Start(int op) => _start[op];

    /// <summary>Second at which an op ends.</summary>
    public double End(int op) => _end[op];

    /// <summary>
    /// The first op that begins at or after a second of the unrolled iterations (0 is the start of this iteration, negative is before it), counted from op 0 of
    /// this iteration, so that it may be negative or beyond the last op.
    /// </summary>
    public long FirstOpStartingAt(double second) => StepSeconds <= 0 ? 0 : OpsStartingBefore(second, orAt: false);

    /// <summary>The last op that begins at or before a second, counted like <see cref="FirstOpStartingAt"/>.</summary>
    public long LastOpStartingAt(double second) => StepSeconds <= 0 ? 0 : OpsStartingBefore(second, orAt: true) - 1;

    /// <summary>How many ops from op 0 of this iteration on begin before a second, or also at it.</summary>
    private long OpsStartingBefore(double second, bool orAt)
    {
        double iteration = Math.Floor(second / StepSeconds);
        double within = second - iteration * StepSeconds;
        int low = 0;
        int high = _start.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_start[middle] < within || (orAt && _start[middle] == within)) low = middle + 1;
            else high = middle;
        }

        return (long)iteration * _start.Length + low;
    }

    /// <summary>Second at which an op of the unrolled iterations begins.</summary>
    public double UnrolledStart(long op)
    {
        long iteration = Math.DivRem(op, _start.Length, out long within);
        if (within < 0)
        {
            iteration--;
            within += _start.Length;
        }

        return iteration * StepSeconds + _start[within];
    }
}
