using TeraIO.Core;
using TeraIO.Core.Tracing;

namespace TeraIO.Bounds;

/// <summary>What each op needs in memory, and what would be in memory if nothing ever left.</summary>
internal sealed class MemoryDemand
{
    private readonly long[] _live;
    private readonly long[] _active;

    public MemoryDemand(Trace trace)
    {
        int ops = trace.Ops.Length;
        _live = new long[ops];
        _active = new long[ops];
        var change = new long[ops + 1];
        var pinned = new long[ops + 1];
        var create = new int[trace.Tensors.Length];
        var free = new int[trace.Tensors.Length];
        var isUsed = new bool[trace.Tensors.Length];
        ReadOnlySpan<TraceTensor> tensors = trace.Tensors;
        for (int op = 0; op < ops; op++)
        {
            foreach (TraceAccess access in trace.AccessesOf(op))
            {
                if ((access.Kind & AccessKind.Create) != 0) create[access.Tensor] = op;
                if ((access.Kind & AccessKind.Free) != 0) free[access.Tensor] = op;
                isUsed[access.Tensor] = true;
                if (access.IsUse && tensors[access.Tensor].IsMovable) _active[op] += tensors[access.Tensor].Bytes;
            }
        }

        for (int i = 0; i < tensors.Length; i++)
        {
            // A persistent tensor that no op uses can stay in the store for good.
            if (tensors[i].IsPersistent && tensors[i].IsMovable && !isUsed[i]) continue;
            AddLife(change, tensors[i], create[i], free[i], ops);
            if (!tensors[i].IsMovable) AddLife(pinned, tensors[i], create[i], free[i], ops);
        }

        long live = 0, held = 0;
        for (int op = 0; op < ops; op++)
        {
            live += change[op];
            held += pinned[op];
            long always = trace.Header.BaselineBytes + trace.Ops[op].WorkspaceBytes;
            _live[op] = live + always;
            _active[op] += held + always;
            if (_active[op] > SmallestBudget) (SmallestBudget, LargestOp) = (_active[op], op);
        }
    }

    /// <summary>Bytes that the largest op needs at once.</summary>
    public long SmallestBudget { get; }

    /// <summary>The op that needs most.</summary>
    public int LargestOp { get; }

    /// <summary>Bytes in memory while an op runs when nothing ever leaves.</summary>
    public ReadOnlySpan<long> Live => _live;

    /// <summary>Bytes that must be away while each op runs; not positive where all fits.</summary>
    public long[] Excess(long budget)
    {
        var excess = new long[_live.Length];
        for (int i = 0; i < excess.Length; i++) excess[i] = _live[i] - budget;
        return excess;
    }

    /// <summary>Why no plan fits the budget; null when one does.</summary>
    public string? WhyInfeasible(Trace trace, long budget) => SmallestBudget <= budget
        ? null
        : $"Op {LargestOp} ({trace.Ops[LargestOp].Name}) needs {new ByteSize(SmallestBudget)} in memory at once and the budget is {new ByteSize(budget)}; "
          + $"the smallest budget that works is {SmallestBudget} bytes.";

    private static void AddLife(long[] change, TraceTensor tensor, int create, int free, int ops)
    {
        if (tensor.IsPersistent)
        {
            change[0] += tensor.Bytes;
            return;
        }

        if (free < create)
        {
            change[0] += tensor.Bytes;
            change[free + 1] -= tensor.Bytes;
        }

        change[create] += tensor.Bytes;
        change[free < create ? ops : free + 1] -= tensor.Bytes;
    }
}
