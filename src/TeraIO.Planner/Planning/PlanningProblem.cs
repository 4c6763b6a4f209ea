using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Planning;

/// <summary>What every step of planning looks at: the trace, its lifetimes, the machine, and what follows from them. Immutable.</summary>
internal sealed class PlanningProblem
{
    public PlanningProblem(Trace trace, TraceLifetimes lifetimes, MachineModel machine)
    {
        Trace = trace;
        Lifetimes = lifetimes;
        Machine = machine;
        Ops = trace.Ops.Length;
        int n = lifetimes.Periods.Length;
        FirstIdle = new int[n];
        var firstOfVersion = new int[lifetimes.VersionCount + 1];
        Array.Fill(firstOfVersion, n);
        var movable = new List<int>();
        for (int p = n - 1; p >= 0; p--)
        {
            InactivePeriod period = lifetimes.Periods[p];
            FirstIdle[p] = period.StartOp + 1 == Ops ? 0 : period.StartOp + 1;
            firstOfVersion[period.Version] = p;
            if (trace.Tensors[period.Tensor].IsMovable) movable.Add(p);
        }

        for (int v = lifetimes.VersionCount - 1; v >= 0; v--) firstOfVersion[v] = Math.Min(firstOfVersion[v], firstOfVersion[v + 1]);
        FirstOfVersion = firstOfVersion;
        movable.Reverse();
        Movable = [.. movable];
        LiveCurve = new CyclicRangeTree(lifetimes.LiveBytes);
    }

    public Trace Trace { get; }

    public TraceLifetimes Lifetimes { get; }

    public MachineModel Machine { get; }

    public int Ops { get; }

    /// <summary>Most bytes in memory.</summary>
    public long Budget => Machine.MemoryBudget;

    /// <summary>The first op of each period that runs without the tensor.</summary>
    public int[] FirstIdle { get; }

    /// <summary>Index of the first period of each version; one more than versions.</summary>
    public int[] FirstOfVersion { get; }

    /// <summary>Periods of tensors that can move.</summary>
    public int[] Movable { get; }

    /// <summary>Bytes alive at each op when nothing moves; only to be read.</summary>
    public CyclicRangeTree LiveCurve { get; }

    public ref readonly InactivePeriod Period(int period) => ref Lifetimes.Periods[period];

    public int PeriodCount => FirstIdle.Length;
}
