using TeraIO.Core.Tracing;

namespace TeraIO.TestSupport.Tracing;

/// <summary>Memory needs of a trace, found by walking through it with a set of what lives: what tests compare cleverer code with.</summary>
public static class Footprint
{
    /// <summary>Most bytes in memory during any op when nothing ever leaves.</summary>
    public static long Peak(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return Largest(trace, static _ => true);
    }

    /// <summary>Most bytes that any op needs: what it uses, and what cannot move.</summary>
    public static long SmallestBudget(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return Largest(trace, static tensor => !tensor.IsMovable);
    }

    /// <summary>Most bytes of the tensors that count always, and of those that the op uses.</summary>
    private static long Largest(Trace trace, Func<TraceTensor, bool> countsAlways)
    {
        var living = new HashSet<int>();
        for (int i = 0; i < trace.Tensors.Length; i++)
        {
            if (trace.Tensors[i].IsPersistent) living.Add(i);
        }

        long always = trace.Header.BaselineBytes + living.Where(i => countsAlways(trace.Tensors[i])).Sum(i => trace.Tensors[i].Bytes);
        long largest = 0;
        for (int round = 0; round < 2; round++) // in the second one what wraps around lives from the start
        {
            for (int op = 0; op < trace.Ops.Length; op++)
            {
                long bytes = trace.Ops[op].WorkspaceBytes;
                foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
                {
                    TraceTensor tensor = trace.Tensors[access.Tensor];
                    if ((access.Kind & AccessKind.Create) != 0 && living.Add(access.Tensor) && countsAlways(tensor)) always += tensor.Bytes;
                    if (access.IsUse && !countsAlways(tensor)) bytes += tensor.Bytes;
                }

                largest = Math.Max(largest, always + bytes);
                foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
                {
                    TraceTensor tensor = trace.Tensors[access.Tensor];
                    if ((access.Kind & AccessKind.Free) != 0 && living.Remove(access.Tensor) && countsAlways(tensor)) always -= tensor.Bytes;
                }
            }
        }

        return largest;
    }
}
