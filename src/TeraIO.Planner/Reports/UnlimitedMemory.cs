using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Reports;

/// <summary>Bytes in memory when nothing ever leaves it: what budgets in percent refer to.</summary>
public static class UnlimitedMemory
{
    /// <summary>
    /// Bytes in memory while each op runs: the baseline, every tensor alive during the op (a freed one still counts in the op after which it is
    /// freed) and the op's workspace.
    /// </summary>
    public static long[] PerOp(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var perOp = new long[trace.Ops.Length];
        long live = trace.Header.BaselineBytes + BytesAliveAtStart(trace);
        for (int op = 0; op < perOp.Length; op++)
        {
            long freed = 0;
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                long bytes = trace.Tensors[access.Tensor].Bytes;
                if ((access.Kind & AccessKind.Create) != 0) live += bytes;
                if ((access.Kind & AccessKind.Free) != 0) freed += bytes;
            }

            perOp[op] = live + trace.Ops[op].WorkspaceBytes;
            live -= freed;
        }

        return perOp;
    }

    /// <summary>The most of <see cref="PerOp"/>.</summary>
    public static long Peak(Trace trace) => PerOp(trace).Max();

    private static long BytesAliveAtStart(Trace trace)
    {
        long bytes = 0;
        foreach (TraceTensor tensor in trace.Tensors)
            if (tensor.IsPersistent) bytes += tensor.Bytes;
        var created = new bool[trace.Tensors.Length];
        foreach (ref readonly TraceAccess access in trace.Accesses)
        {
            if ((access.Kind & AccessKind.Create) != 0) created[access.Tensor] = true;
            // Freed before it is created: its life began in the iteration before.
            if ((access.Kind & AccessKind.Free) != 0 && !created[access.Tensor]) bytes += trace.Tensors[access.Tensor].Bytes;
        }

        return bytes;
    }
}
