using TeraIO.Core.Tracing;

namespace TeraIO.TestSupport.Tracing;

/// <summary>Memory needs of a trace, worked out in the plainest way: what tests compare cleverer code with.</summary>
public static class Footprint
{
    /// <summary>Most bytes in memory during any op when nothing ever leaves.</summary>
    public static long Peak(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return Largest(trace, static (_, _) => true);
    }

    /// <summary>Most bytes that any op needs: what it uses, and what cannot move.</summary>
    public static long SmallestBudget(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return Largest(trace, static (tensor, isUsed) => isUsed || !tensor.IsMovable);
    }

    private static long Largest(Trace trace, Func<TraceTensor, bool, bool> counts)
    {
        int ops = trace.Ops.Length;
        int tensors = trace.Tensors.Length;
        var create = new int[tensors];
        var free = new int[tensors];
        create.AsSpan().Fill(-1);
        free.AsSpan().Fill(ops);
        for (int op = 0; op < ops; op++)
        {
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                if ((access.Kind & AccessKind.Create) != 0) create[access.Tensor] = op;
                if ((access.Kind & AccessKind.Free) != 0) free[access.Tensor] = op;
            }
        }

        var isUsed = new bool[tensors];
        long largest = 0;
        for (int op = 0; op < ops; op++)
        {
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op)) isUsed[access.Tensor] = access.IsUse;
            long bytes = trace.Header.BaselineBytes + trace.Ops[op].WorkspaceBytes;
            for (int i = 0; i < tensors; i++)
            {
                bool lives = free[i] < create[i] ? op <= free[i] || op >= create[i] : op >= create[i] && op <= free[i];
                if (lives && counts(trace.Tensors[i], isUsed[i])) bytes += trace.Tensors[i].Bytes;
            }

            largest = Math.Max(largest, bytes);
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op)) isUsed[access.Tensor] = false;
        }

        return largest;
    }
}
