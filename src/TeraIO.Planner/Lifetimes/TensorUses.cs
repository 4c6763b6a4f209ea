using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Lifetimes;

/// <summary>One op's need of a tensor in memory.</summary>
/// <param name="Op">The op.</param>
/// <param name="MakesDirty">It leaves other bytes behind than it found.</param>
internal readonly record struct TensorUse(int Op, bool MakesDirty);

/// <summary>The accesses of a trace turned around: for each tensor the ops that use it, ascending. Immutable.</summary>
internal sealed class TensorUses
{
    private readonly int[] _first; // one more than tensors
    private readonly TensorUse[] _uses;
    private readonly int[] _create;
    private readonly int[] _free;

    private TensorUses(int[] first, TensorUse[] uses, int[] create, int[] free)
    {
        _first = first;
        _uses = uses;
        _create = create;
        _free = free;
    }

    public static TensorUses Of(Trace trace)
    {
        int tensors = trace.Tensors.Length;
        var first = new int[tensors + 1];
        foreach (ref readonly TraceAccess access in trace.Accesses)
        {
            if (access.IsUse) first[access.Tensor + 1]++;
        }

        for (int t = 0; t < tensors; t++) first[t + 1] += first[t];
        var uses = new TensorUse[first[tensors]];
        var next = new int[tensors];
        Array.Copy(first, next, tensors);
        var create = new int[tensors];
        var free = new int[tensors];
        Array.Fill(create, -1);
        Array.Fill(free, -1);
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                if (access.IsUse) uses[next[access.Tensor]++] = new TensorUse(op, access.MakesDirty);
                if ((access.Kind & AccessKind.Create) != 0) create[access.Tensor] = op;
                if ((access.Kind & AccessKind.Free) != 0) free[access.Tensor] = op;
            }
        }

        return new TensorUses(first, uses, create, free);
    }

    public ReadOnlySpan<TensorUse> Of(int tensor) => _uses.AsSpan(_first[tensor].._first[tensor + 1]);

    public int CreateOp(int tensor) => _create[tensor];

    public int FreeOp(int tensor) => _free[tensor];
}
