using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Simulation;

/// <summary>Ops: what they need before they begin and what they leave behind.</summary>
internal sealed partial class SimulationRun
{
    private readonly List<int> _missing = [];

    /// <summary>Pins the op's tensors, brings back those that are away, and makes room for what it creates.</summary>
    /// <returns>False when there is no room; <see cref="_failure"/> says why.</returns>
    private bool BeginOp(int op)
    {
        ReadOnlySpan<TraceAccess> accesses = _context.Trace.AccessesOf(op);
        _missing.Clear();
        foreach (ref readonly TraceAccess access in accesses)
        {
            if (!access.IsUse) continue;
            bool isChanged = (access.Kind & AccessKind.Write) != 0;
            for (int piece = _plan.FirstPiece[access.Tensor]; piece < _plan.FirstPiece[access.Tensor + 1]; piece++)
            {
                Pin(piece);
                if (isChanged) MakeStale(piece);
                if (access.NeedsBytes && _state[piece] is PieceState.Away or PieceState.Prefetching) _missing.Add(piece);
            }
        }

        if (!BringBack(op, _missing)) return false;
        long created = _context.CreatedBytes[op];
        long room = created + _context.Workspace[op];
        if (room > 0 && !MakeRoom(op, room)) return false;
        _roomForOp = 0;
        if (room == 0) return true;
        Grow(room);
        if (created == 0) return true;
        foreach (ref readonly TraceAccess access in accesses)
        {
            if ((access.Kind & AccessKind.Create) == 0) continue;
            for (int piece = _plan.FirstPiece[access.Tensor]; piece < _plan.FirstPiece[access.Tensor + 1]; piece++) _state[piece] = PieceState.Resident;
        }

        return true;
    }

    /// <summary>Unpins and frees, then issues what the plan has after the op and before the next.</summary>
    private void EndOp(int op)
    {
        ReadOnlySpan<TraceAccess> accesses = _context.Trace.AccessesOf(op);
        int access = _context.FirstAccess[op];
        _live -= _context.Workspace[op];
        foreach (ref readonly TraceAccess a in accesses)
        {
            _nextUse[a.Tensor] = _context.NextUse[access++];
            bool isFreed = (a.Kind & AccessKind.Free) != 0;
            for (int piece = _plan.FirstPiece[a.Tensor]; piece < _plan.FirstPiece[a.Tensor + 1]; piece++)
            {
                if (a.MakesDirty) MakeStale(piece);
                if (isFreed) Free(piece);
                else if (a.IsUse) Unpin(piece);
            }
        }

        int next = op + 1 == _context.OpCount ? 0 : op + 1;
        _roomForOp = _context.CreatedBytes[next] + _context.Workspace[next];
        for (int i = _plan.FirstAway[op]; i < _plan.FirstAway[op + 1]; i++)
        {
            ref readonly PlanStep step = ref _plan.Away[i];
            if (step.Kind == MigrationKind.Discard) Discard(_plan.TensorOf[step.Piece]);
            else Offload(step);
        }

        QueuePrefetches(next);
    }

    /// <summary>Brings pieces back one after the other as the engine's Restorer does, then waits for all.</summary>
    private bool BringBack(int op, List<int> missing)
    {
        for (int i = 0; i < missing.Count; i++)
        {
            int piece = missing[i];
            while (_state[piece] != PieceState.Resident)
            {
                if (_state[piece] == PieceState.Prefetching)
                {
                    Wait(StallCause.LatePrefetch);
                    continue;
                }

                if (!MakeRoom(op, _plan.PieceBytes[piece])) return false;
                if (_state[piece] != PieceState.Away) continue; // its prefetch began while room was made
                _unplanned++;
                StartRead(piece, CopyOf(piece), isPlanned: false, _now);
                break;
            }
        }

        for (int i = 0; i < missing.Count; i++)
        {
            while (_state[missing[i]] == PieceState.Prefetching) Wait(StallCause.OnDemandRead);
        }

        return true;
    }

    /// <summary>Runs the plan's recomputations before an op, and those of inputs that are discarded without one.</summary>
    private bool RecomputeBefore(int op)
    {
        for (int i = _plan.FirstRecomputed[op]; i < _plan.FirstRecomputed[op + 1]; i++)
        {
            if (!Recompute(op, _plan.TensorOf[_plan.Recomputed[i].Piece])) return false;
        }

        return _discarded == 0 || RecomputeInputs(op, op);
    }

    private bool RecomputeInputs(int op, int ofOp)
    {
        foreach (ref readonly TraceAccess access in _context.Trace.AccessesOf(ofOp))
        {
            if (access.NeedsBytes && !Recompute(op, access.Tensor)) return false;
        }

        return true;
    }

    /// <summary>
    /// Runs the op that made a discarded tensor again, before op <paramref name="op"/>; its inputs come back first, those that are discarded themselves by
    /// being computed again. Its other results are thrown away. Does nothing when the tensor is not discarded.
    /// </summary>
    private bool Recompute(int op, int tensor)
    {
        int first = _plan.FirstPiece[tensor];
        if (_state[first] != PieceState.Discarded) return true;
        int create = _context.CreateOp[tensor];
        if (!RecomputeInputs(op, create)) return false;
        var missing = new List<int>();
        foreach (ref readonly TraceAccess access in _context.Trace.AccessesOf(create))
        {
            if (!access.NeedsBytes) continue;
            for (int piece = _plan.FirstPiece[access.Tensor]; piece < _plan.FirstPiece[access.Tensor + 1]; piece++)
            {
                Pin(piece);
                if (_state[piece] is PieceState.Away or PieceState.Prefetching) missing.Add(piece);
            }
        }

        if (!BringBack(op, missing)) return false;
        long thrownAway = _context.CreatedBytes[create] + _context.Workspace[create] - _context.Bytes[tensor];
        if (!MakeRoom(op, thrownAway + _context.Bytes[tensor])) return false;
        Grow(thrownAway + _context.Bytes[tensor]);
        double start = _now;
        Compute(_context.Seconds[create]);
        _recomputeSeconds += _now - start;
        _live -= thrownAway;
        foreach (ref readonly TraceAccess access in _context.Trace.AccessesOf(create))
        {
            if (!access.NeedsBytes) continue;
            for (int piece = _plan.FirstPiece[access.Tensor]; piece < _plan.FirstPiece[access.Tensor + 1]; piece++) Unpin(piece);
        }

        for (int piece = first; piece < _plan.FirstPiece[tensor + 1]; piece++)
        {
            _state[piece] = PieceState.Resident;
            _discarded--;
            ListIfIdle(piece);
        }

        StartPrefetches();
        return true;
    }
}
