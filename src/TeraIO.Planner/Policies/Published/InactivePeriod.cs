using TeraIO.Core.Tracing;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>A time between two uses of a movable tensor in which nobody needs it in memory.</summary>
/// <param name="Tensor">Index into the trace's tensors.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="After">The op whose use ends when the period begins.</param>
/// <param name="Before">The op that uses it next, counted on: above the number of ops when that is in the next iteration.</param>
internal readonly record struct InactivePeriod(int Tensor, long Bytes, int After, int Before)
{
    /// <summary>Ops in between.</summary>
    public int Length => Before - After - 1;

    /// <summary>
    /// Every period of at least one op, cyclic: a persistent tensor's last use and its first one in the next iteration bound one as well; other tensors have
    /// them between their creation and last use only. Ordered by <see cref="After"/>.
    /// </summary>
    public static List<InactivePeriod> AllOf(SimulationContext context)
    {
        var periods = new List<InactivePeriod>();
        ReadOnlySpan<TraceAccess> accesses = context.Trace.Accesses;
        for (int op = 0; op < context.OpCount; op++)
        {
            for (int i = context.FirstAccess[op]; i < context.FirstAccess[op + 1]; i++)
            {
                int tensor = accesses[i].Tensor;
                if (!accesses[i].IsUse || !context.IsMovable[tensor]) continue;
                int next = context.NextUse[i];
                if (next <= op) next += context.OpCount;
                if (next == op + 1 || EndsLife(context, tensor, next)) continue;
                periods.Add(new InactivePeriod(tensor, context.Bytes[tensor], op, next));
            }
        }

        return periods;
    }

    /// <summary>Whether the tensor dies, and is created again, between two of its uses.</summary>
    private static bool EndsLife(SimulationContext context, int tensor, int next)
    {
        int create = context.CreateOp[tensor];
        if (create < 0) return false;
        return next == create || next == create + context.OpCount;
    }
}
