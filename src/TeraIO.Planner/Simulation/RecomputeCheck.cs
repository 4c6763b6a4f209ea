using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// Which discards of a plan can be made good by running the creating op again. All of these must hold: the tensor is not persistent and movable; the
/// creating op changes nothing else in place; from there to the recomputation nobody writes the tensor, and every tensor that the creating op
/// reads lives on unchanged; the plan recomputes it before its life ends; and the working set of the creating op fits the budget then. A discard for
/// which one does not hold is carried out as an offload to the plan's tier, and the recomputation as a prefetch.
/// </summary>
internal sealed class RecomputeCheck(SimulationContext context, long budget)
{
    private readonly HashSet<int> _possible = [];

    /// <summary>Whether migration number <paramref name="migration"/>, a discard or a recomputation, can be carried out as such.</summary>
    public bool IsPossible(int migration) => _possible.Contains(migration);

    /// <summary>Judges every discard of a plan.</summary>
    public void Read(MigrationPlan plan)
    {
        Dictionary<int, List<int>>? byTensor = null;
        for (int i = 0; i < plan.Migrations.Count; i++)
        {
            PlannedMigration m = plan.Migrations[i];
            if (m.Kind is not (MigrationKind.Discard or MigrationKind.Recompute)) continue;
            byTensor ??= [];
            if (!byTensor.TryGetValue(m.Tensor, out List<int>? list)) byTensor.Add(m.Tensor, list = []);
            list.Add(i);
        }

        if (byTensor is null) return;
        int[][] writes = WritesOf();
        foreach ((int tensor, List<int> migrations) in byTensor)
        {
            if (IsPossible(plan, tensor, migrations, writes)) _possible.UnionWith(migrations);
        }
    }

    /// <summary>All of a tensor's discards, or none: their recomputations are then of one kind.</summary>
    private bool IsPossible(MigrationPlan plan, int tensor, List<int> migrations, int[][] writes)
    {
        int create = context.CreateOp[tensor];
        if (create < 0 || !context.IsMovable[tensor]) return false;
        int life = Ahead(create, context.FreeOp[tensor]);
        int last = -1; // of the recomputations, counted from the creating op
        int lastDiscard = -1;
        foreach (int i in migrations)
        {
            PlannedMigration m = plan.Migrations[i];
            int at = Ahead(create, m.IssueOp);
            if (at > life) return false;
            if (m.Kind == MigrationKind.Recompute) last = Math.Max(last, at);
            else lastDiscard = Math.Max(lastDiscard, at);
        }

        if (last <= lastDiscard || lastDiscard < 0) return false;
        if (Touched(writes[tensor], create, last)) return false;
        return InputsLast(create, last, writes) && WorkingSetFits(tensor, create, last);
    }

    private bool InputsLast(int create, int last, int[][] writes)
    {
        foreach (ref readonly TraceAccess access in context.Trace.AccessesOf(create))
        {
            if (!access.IsUse || (access.Kind & AccessKind.Create) != 0) continue;
            if ((access.Kind & AccessKind.Write) != 0) return false;
            if (Touched(writes[access.Tensor], create, last)) return false;
            int free = context.FreeOp[access.Tensor];
            if (free >= 0 && Ahead(create, free) < last) return false;
        }

        return true;
    }

    /// <summary>The creating op's need on top of what cannot move at any of the ops before which it may run again.</summary>
    private bool WorkingSetFits(int tensor, int create, int last)
    {
        long bytes = context.Workspace[create] + context.CreatedBytes[create];
        foreach (ref readonly TraceAccess access in context.Trace.AccessesOf(create))
        {
            if (access.NeedsBytes && context.IsMovable[access.Tensor]) bytes += context.Bytes[access.Tensor];
        }

        for (int at = 0; at <= last; at++)
        {
            int op = (create + at) % context.OpCount;
            if (context.UnmovableBytes[op] + bytes > budget) return false;
        }

        return context.Bytes[tensor] <= budget;
    }

    /// <summary>Whether an op after <paramref name="from"/> and not later than <paramref name="length"/> ops after it is one of <paramref name="ops"/>.</summary>
    private bool Touched(int[] ops, int from, int length)
    {
        foreach (int op in ops)
        {
            int at = Ahead(from, op);
            if (at > 0 && at < length) return true;
        }

        return false;
    }

    private int Ahead(int from, int to) => to >= from ? to - from : to - from + context.OpCount;

    private int[][] WritesOf()
    {
        var writes = new List<int>?[context.TensorCount];
        for (int op = 0; op < context.OpCount; op++)
        {
            foreach (ref readonly TraceAccess access in context.Trace.AccessesOf(op))
            {
                if (access.MakesDirty) (writes[access.Tensor] ??= []).Add(op);
            }
        }

        return [.. writes.Select(static w => w?.ToArray() ?? [])];
    }
}
