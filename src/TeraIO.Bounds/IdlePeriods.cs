using System.Runtime.InteropServices;
using TeraIO.Core.Tracing;

namespace TeraIO.Bounds;

/// <summary>
/// The idle periods of a trace, cyclic over the iteration, in the order of tensors and within a tensor in the order of time. Computed here and not taken
/// from the planner: a bound that shares the planner's code shares its mistakes.
/// </summary>
internal static class IdlePeriods
{
    private readonly record struct Use(int Op, bool IsUse, bool MakesDirty);

    public static List<IdlePeriod> Of(Trace trace)
    {
        var uses = new List<Use>[trace.Tensors.Length];
        var creates = new int[trace.Tensors.Length];
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (TraceAccess access in trace.AccessesOf(op))
            {
                (uses[access.Tensor] ??= []).Add(new Use(op, access.IsUse, access.MakesDirty));
                if ((access.Kind & AccessKind.Create) != 0) creates[access.Tensor] = op;
            }
        }

        var periods = new List<IdlePeriod>();
        for (int tensor = 0; tensor < uses.Length; tensor++)
        {
            if (uses[tensor] is not { } ofTensor || !trace.Tensors[tensor].IsMovable) continue;
            if (trace.Tensors[tensor].IsPersistent) AddCyclic(periods, tensor, CollectionsMarshal.AsSpan(ofTensor), trace.Ops.Length);
            else AddLife(periods, tensor, CollectionsMarshal.AsSpan(ofTensor), creates[tensor], trace.Ops.Length);
        }

        return periods;
    }

    /// <summary>A persistent tensor: walks one turn from the op that changes it last, so that periods of one history follow each other.</summary>
    private static void AddCyclic(List<IdlePeriod> periods, int tensor, ReadOnlySpan<Use> uses, int ops)
    {
        int start = uses.Length - 1;
        while (start > 0 && !uses[start].MakesDirty) start--;
        int dirty = IdlePeriod.NeverDirty, history = 0;
        for (int i = 0; i < uses.Length; i++)
        {
            Use use = At(uses, start + i, ops);
            if (use.MakesDirty) (dirty, history) = (End(use.Op), history + 1);
            Add(periods, new IdlePeriod(tensor, End(use.Op), Begin(At(uses, start + i + 1, ops).Op), EndsInFree: false, dirty, history), ops);
        }
    }

    /// <summary>
    /// A tensor with one life per iteration, from its creation to its free; uses before the creation belong to the life that began an iteration earlier.
    /// </summary>
    private static void AddLife(List<IdlePeriod> periods, int tensor, ReadOnlySpan<Use> uses, int create, int ops)
    {
        int first = 0;
        while (uses[first].Op != create) first++;
        int dirty = IdlePeriod.NeverDirty, history = 0;
        for (int i = 0; i < uses.Length - 1; i++)
        {
            Use use = At(uses, first + i, ops), next = At(uses, first + i + 1, ops);
            if (use.MakesDirty) (dirty, history) = (End(use.Op), history + 1);
            // The op that only frees does not need the bytes: they may be away while it runs.
            int end = next.IsUse ? Begin(next.Op) : End(next.Op) + 1;
            Add(periods, new IdlePeriod(tensor, End(use.Op), end, EndsInFree: !next.IsUse, dirty, history), ops);
        }
    }

    /// <summary>The use with that number, counted on into the next iteration.</summary>
    private static Use At(ReadOnlySpan<Use> uses, int index, int ops)
    {
        Use use = uses[index % uses.Length];
        return use with { Op = use.Op + index / uses.Length * ops };
    }

    private static void Add(List<IdlePeriod> periods, IdlePeriod period, int ops)
    {
        if (period.End <= period.Start + 1) return; // no op in between
        int turn = period.Start / (2 * ops) * 2 * ops;
        periods.Add(period with { Start = period.Start - turn, End = period.End - turn, DirtySince = period.IsNeverDirty ? period.DirtySince : period.DirtySince - turn });
    }

    private static int Begin(int op) => 2 * op;

    private static int End(int op) => 2 * op + 1;
}
