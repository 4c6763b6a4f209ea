using TeraIO.Core.Tracing;

namespace TeraIO.Core.Plans;

/// <summary>
/// A plan against its trace. Per tensor the migrations are followed once around the iteration and once more, so that what lies across its end is
/// checked too.
/// </summary>
internal sealed class PlanTraceCheck
{
    private const int None = -1;

    private readonly MigrationPlan _plan;
    private readonly Trace _trace;
    private readonly int[] _create;
    private readonly int[] _free;
    private readonly int[] _firstUse; // per tensor into _uses, one more than tensors
    private readonly int[] _uses; // ops that use it, ascending

    public PlanTraceCheck(MigrationPlan plan, Trace trace)
    {
        _plan = plan;
        _trace = trace;
        int tensors = trace.Tensors.Length;
        _create = new int[tensors];
        _free = new int[tensors];
        _create.AsSpan().Fill(None);
        _free.AsSpan().Fill(None);
        _firstUse = new int[tensors + 1];
        foreach (TraceAccess access in trace.Accesses)
        {
            if (access.IsUse) _firstUse[access.Tensor + 1]++;
        }

        for (int i = 0; i < tensors; i++) _firstUse[i + 1] += _firstUse[i];
        _uses = new int[_firstUse[tensors]];
        int[] next = _firstUse[..tensors];
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (TraceAccess access in trace.AccessesOf(op))
            {
                if (access.IsUse) _uses[next[access.Tensor]++] = op;
                if ((access.Kind & AccessKind.Create) != 0) _create[access.Tensor] = op;
                if ((access.Kind & AccessKind.Free) != 0) _free[access.Tensor] = op;
            }
        }
    }

    public void Run()
    {
        var ofTensor = new List<int>[_trace.Tensors.Length];
        for (int i = 0; i < _plan.Migrations.Count; i++)
        {
            PlannedMigration migration = _plan.Migrations[i];
            CheckOne(i, migration);
            (ofTensor[migration.Tensor] ??= []).Add(i);
        }

        foreach (List<int>? list in ofTensor)
        {
            if (list is not null) CheckSequence(list);
        }
    }

    private void CheckOne(int index, in PlannedMigration migration)
    {
        TraceTensor tensor = _trace.Tensors[migration.Tensor];
        string what = $"Migration {index} ({PlanValidation.Shown(migration)})";
        if (migration.Offset + migration.Bytes > tensor.Bytes)
            throw PlanValidation.Fault($"{what} moves the bytes from {migration.Offset} to {migration.Offset + migration.Bytes}; the tensor has {tensor.Bytes}.");
        if (!tensor.IsMovable) throw PlanValidation.Fault($"{what} moves a tensor that cannot leave memory.");
        if (!LivesAt(migration)) throw PlanValidation.Fault($"{what} lies outside the tensor's life from op {_create[migration.Tensor]} to op {_free[migration.Tensor]}.");
        if (!PlanValidation.Leaves(migration) && UsesOf(migration.Tensor).BinarySearch(migration.DeadlineOp) < 0)
            throw PlanValidation.Fault($"{what} has deadlineOp {migration.DeadlineOp}, which does not use the tensor; the deadline is the use that it is for.");
    }

    private bool LivesAt(in PlannedMigration migration)
    {
        int create = _create[migration.Tensor];
        int free = _free[migration.Tensor];
        if (create == None) return true;
        // Slots: it exists after op create (2c + 1) until after op free (before 2f + 1).
        int slot = PlanValidation.Slot(migration);
        bool afterCreate = slot > create * 2;
        bool beforeFree = slot <= free * 2;
        return create <= free ? afterCreate && beforeFree : afterCreate || beforeFree;
    }

    private void CheckSequence(List<int> migrations)
    {
        if (migrations.Count == 1) return;
        var last = new LastMover(migrations.SelectMany(index => (long[])[_plan.Migrations[index].Offset, _plan.Migrations[index].Offset + _plan.Migrations[index].Bytes]));
        for (int turn = 0; turn < 2; turn++)
        {
            foreach (int index in migrations) last.Move(_plan.Migrations[index].Offset, _plan.Migrations[index].Offset + _plan.Migrations[index].Bytes, index, CheckPair);
        }
    }

    /// <summary>Two migrations of the same bytes, the second after the first, none between.</summary>
    private void CheckPair(int firstIndex, int secondIndex)
    {
        PlannedMigration first = _plan.Migrations[firstIndex];
        PlannedMigration second = _plan.Migrations[secondIndex];
        bool isUsedBetween = IsUsedBetween(first.Tensor, PlanValidation.Slot(first), PlanValidation.Slot(second), firstIndex < secondIndex);
        bool leavesFirst = PlanValidation.Leaves(first);
        if (leavesFirst == PlanValidation.Leaves(second) && !isUsedBetween)
            throw Overlap(firstIndex, secondIndex, leavesFirst ? "bytes that are away cannot leave again before they are used" : "bytes that came back cannot come back again before they are used");
        if (first.Kind == MigrationKind.Discard && second.Kind == MigrationKind.Prefetch && !isUsedBetween)
            throw Overlap(firstIndex, secondIndex, "discarded bytes are nowhere to be read from; recompute them");
        if (leavesFirst != PlanValidation.Leaves(second) && DistanceTo(first, first.DeadlineOp) > DistanceTo(first, second.IssueOp))
            throw Overlap(firstIndex, secondIndex, $"the first may still be under way until op {first.DeadlineOp}");
    }

    /// <summary>Ops from the issue of a migration to the begin of another op, around the end of the iteration if need be.</summary>
    private int DistanceTo(in PlannedMigration migration, int op)
    {
        int distance = (op - migration.IssueOp + _plan.OpCount) % _plan.OpCount;
        return distance == 0 && PlanValidation.Leaves(migration) ? _plan.OpCount : distance;
    }

    /// <summary>Whether an op uses the tensor after the one slot and before the other, around the end of the iteration if need be.</summary>
    private bool IsUsedBetween(int tensor, int slot, int next, bool isSameTurn)
    {
        ReadOnlySpan<int> uses = UsesOf(tensor);
        if (uses.Length == 0) return false;
        // The ops that run between: from the first after slot up to the last before next.
        int from = (slot + 1) / 2;
        int last = ((next + 1) / 2) - 1;
        if (isSameTurn) return AnyFrom(uses, from, last);
        return AnyFrom(uses, from, _plan.OpCount - 1) || AnyFrom(uses, 0, last);
    }

    private static bool AnyFrom(ReadOnlySpan<int> uses, int from, int last)
    {
        int index = uses.BinarySearch(from);
        if (index < 0) index = ~index;
        return index < uses.Length && uses[index] <= last;
    }

    private ReadOnlySpan<int> UsesOf(int tensor) => _uses.AsSpan(_firstUse[tensor].._firstUse[tensor + 1]);

    private TraceFormatException Overlap(int first, int second, string rule) =>
        PlanValidation.Fault($"Migrations {first} ({PlanValidation.Shown(_plan.Migrations[first])}) and {second} ({PlanValidation.Shown(_plan.Migrations[second])}) overlap: {rule}.");
}
