using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// A plan in the form in which it is simulated: tensors cut into the pieces between the ends of its partial migrations (one piece where all
/// migrations are whole), and per op the steps after it and before it.
/// </summary>
internal sealed class CompiledPlan
{
    private readonly SimulationContext _context;
    private readonly MigrationPlan _plan;

    /// <exception cref="TraceFormatException">The plan is for another trace, or a migration names what is not there.</exception>
    public CompiledPlan(SimulationContext context, MigrationPlan plan, SimulationOptions options, long budget)
    {
        _context = context;
        _plan = plan;
        Check();
        FirstPiece = new int[context.TensorCount + 1];
        CutIntoPieces();
        PieceCount = FirstPiece[^1];
        var recompute = new RecomputeCheck(context, budget);
        recompute.Read(plan);
        PlaceSteps(recompute, Math.Max(0, options.HostAheadOps));
    }

    public int PieceCount { get; }

    /// <summary>Per tensor its first piece; one more than tensors.</summary>
    public int[] FirstPiece { get; }

    /// <summary>Per piece its tensor.</summary>
    public int[] TensorOf { get; private set; } = [];

    public long[] PieceBytes { get; private set; } = [];

    /// <summary>Per op the first of its steps in <see cref="Away"/>; one more than ops.</summary>
    public int[] FirstAway { get; private set; } = [];

    /// <summary>Offloads and discards, after ops.</summary>
    public PlanStep[] Away { get; private set; } = [];

    /// <summary>Per op the first of its steps in <see cref="Back"/>; one more than ops.</summary>
    public int[] FirstBack { get; private set; } = [];

    /// <summary>Prefetches, before ops.</summary>
    public PlanStep[] Back { get; private set; } = [];

    /// <summary>Per op the first of its steps in <see cref="Recomputed"/>; one more than ops.</summary>
    public int[] FirstRecomputed { get; private set; } = [];

    /// <summary>Recomputations, before ops.</summary>
    public PlanStep[] Recomputed { get; private set; } = [];

    private void Check()
    {
        if (_plan.OpCount != _context.OpCount || _plan.TensorCount != _context.TensorCount)
        {
            throw new TraceFormatException(
                $"The plan {_plan.Policy} is for a trace of {_plan.OpCount} ops and {_plan.TensorCount} tensors ({_plan.TraceName}); "
                + $"this one ({_context.Trace.Header.Name}) has {_context.OpCount} and {_context.TensorCount}.");
        }

        for (int i = 0; i < _plan.Migrations.Count; i++)
        {
            PlannedMigration m = _plan.Migrations[i];
            if ((uint)m.Tensor >= (uint)_context.TensorCount) throw Fault(i, $"names tensor {m.Tensor}; there are {_context.TensorCount}");
            if ((uint)m.IssueOp >= (uint)_context.OpCount) throw Fault(i, $"is issued at op {m.IssueOp}; there are {_context.OpCount}");
            long size = _context.Bytes[m.Tensor];
            if (m.Offset < 0 || m.Bytes <= 0 || m.Bytes > size || m.Offset > size - m.Bytes) throw Fault(i, $"moves {m.Bytes} bytes from byte {m.Offset} of tensor {m.Tensor}, which has {size}");
            bool isWholeOnly = m.Kind is MigrationKind.Discard or MigrationKind.Recompute;
            if (isWholeOnly && m.Bytes != size) throw Fault(i, $"is a {m.Kind} of a part of tensor {m.Tensor}; that exists for whole tensors only");
        }
    }

    private static TraceFormatException Fault(int migration, string what) => new($"Migration {migration} of the plan {what}.");

    private void CutIntoPieces()
    {
        List<(int Tensor, long At)>? cuts = null;
        foreach (PlannedMigration m in _plan.Migrations)
        {
            if (m.Offset > 0) (cuts ??= []).Add((m.Tensor, m.Offset));
            if (m.Offset + m.Bytes < _context.Bytes[m.Tensor]) (cuts ??= []).Add((m.Tensor, m.Offset + m.Bytes));
        }

        var tensorOf = new List<int>(_context.TensorCount);
        var bytes = new List<long>(_context.TensorCount);
        cuts?.Sort();
        int next = 0;
        for (int tensor = 0; tensor < _context.TensorCount; tensor++)
        {
            FirstPiece[tensor] = tensorOf.Count;
            long from = 0;
            for (; cuts is not null && next < cuts.Count && cuts[next].Tensor == tensor; next++)
            {
                long at = cuts[next].At;
                if (at == from) continue;
                tensorOf.Add(tensor);
                bytes.Add(at - from);
                from = at;
            }

            tensorOf.Add(tensor);
            bytes.Add(_context.Bytes[tensor] - from);
        }

        FirstPiece[^1] = tensorOf.Count;
        TensorOf = [.. tensorOf];
        PieceBytes = [.. bytes];
    }

    private void PlaceSteps(RecomputeCheck recompute, int hostAhead)
    {
        var away = new List<(int Op, PlanStep Step)>();
        var back = new List<(int Op, PlanStep Step)>();
        var recomputed = new List<(int Op, PlanStep Step)>();
        for (int i = 0; i < _plan.Migrations.Count; i++)
        {
            PlannedMigration m = _plan.Migrations[i];
            // A discard that cannot be made good by computing again is an offload, and its recomputation a prefetch.
            MigrationKind kind = m.Kind;
            if (kind == MigrationKind.Discard && !recompute.IsPossible(i)) kind = MigrationKind.Offload;
            if (kind == MigrationKind.Recompute && !recompute.IsPossible(i)) kind = MigrationKind.Prefetch;
            List<(int Op, PlanStep Step)> target = kind switch
            {
                MigrationKind.Prefetch => back,
                MigrationKind.Recompute => recomputed,
                _ => away,
            };
            if (kind is MigrationKind.Discard or MigrationKind.Recompute)
            {
                target.Add((m.IssueOp, new PlanStep(FirstPiece[m.Tensor], kind, m.Tier, m.Writes)));
                continue;
            }

            long at = 0;
            for (int piece = FirstPiece[m.Tensor]; piece < FirstPiece[m.Tensor + 1]; at += PieceBytes[piece++])
            {
                if (at >= m.Offset && at < m.Offset + m.Bytes) target.Add((m.IssueOp, new PlanStep(piece, kind, m.Tier, m.Writes)));
            }
        }

        if (hostAhead > 0) IssueEarlier(away, back, hostAhead);
        (FirstAway, Away) = ByOp(away);
        (FirstBack, Back) = ByOp(back);
        (FirstRecomputed, Recomputed) = ByOp(recomputed);
    }

    /// <summary>Prefetches come earlier by what the host is ahead, but not before the offload that they undo.</summary>
    private void IssueEarlier(List<(int Op, PlanStep Step)> away, List<(int Op, PlanStep Step)> back, int hostAhead)
    {
        int ops = _context.OpCount;
        var awayOps = new List<int>?[PieceCount];
        foreach ((int op, PlanStep step) in away) (awayOps[step.Piece] ??= []).Add(op);
        foreach (List<int>? list in awayOps) list?.Sort();
        for (int i = 0; i < back.Count; i++)
        {
            (int op, PlanStep step) = back[i];
            int earlier = Math.Min(hostAhead, ops - 1);
            if (awayOps[step.Piece] is { } list)
            {
                int index = list.BinarySearch(op);
                if (index < 0) index = ~index;
                while (index > 0 && list[index - 1] == op) index--;
                int before = index > 0 ? list[index - 1] : list[^1] - ops; // the last one before op, perhaps of the iteration before
                earlier = Math.Min(earlier, op - before - 1);
            }

            int shifted = op - earlier;
            back[i] = (shifted < 0 ? shifted + ops : shifted, step);
        }
    }

    private (int[] First, PlanStep[] Steps) ByOp(List<(int Op, PlanStep Step)> steps)
    {
        var first = new int[_context.OpCount + 1];
        foreach ((int op, _) in steps) first[op + 1]++;
        for (int op = 0; op < _context.OpCount; op++) first[op + 1] += first[op];
        int[] next = [.. first];
        var placed = new PlanStep[steps.Count];
        foreach ((int op, PlanStep step) in steps) placed[next[op]++] = step;
        return (first, placed);
    }
}
