using TeraIO.Core;
using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>Memory: who has it, who leaves, who comes back.</summary>
internal sealed partial class SimulationRun
{
    private readonly IntRing _queue = new(); // prefetches that have not begun, as piece * 2 + tier
    private readonly double[] _askedAt; // per piece, when it joined the queue
    private readonly List<int> _stuck = []; // idle pieces that no tier has space for
    private readonly long _hostForEvictions;
    private long _live; // bytes in memory but the baseline
    private long _peak;
    private long _roomForOp; // what the next op creates: prefetches leave it alone
    private long _roomWanted; // what a waiting op is making: prefetches leave it alone
    private long _offloadingBytes;
    private int _offloadsInFlight;
    private int _prefetchesInFlight;
    private int _roundLeft; // writes that an evicting op waits for
    private int _discarded; // pieces
    private int _unplanned;
    private long _evictedToHost; // bytes in host memory that the plan does not have there

    private void Grow(long bytes)
    {
        _live += bytes;
        if (_live > _peak) _peak = _live;
    }

    private void Pin(int piece)
    {
        _flags[piece] |= PieceFlags.Pinned;
        _idle.Remove(piece);
    }

    private void Unpin(int piece)
    {
        _flags[piece] &= ~PieceFlags.Pinned;
        ListIfIdle(piece);
    }

    private void ListIfIdle(int piece)
    {
        if (_state[piece] != PieceState.Resident || (_flags[piece] & PieceFlags.Pinned) != 0) return;
        int tensor = _plan.TensorOf[piece];
        if (!_context.IsMovable[tensor] || _idle.Contains(piece)) return;
        _idle.Add(piece, _nextUse[tensor], (_flags[piece] & PieceFlags.AnyCopy) != 0);
    }

    /// <summary>Its bytes change: copies of it are history.</summary>
    private void MakeStale(int piece)
    {
        if (_state[piece] == PieceState.Offloading) _flags[piece] |= PieceFlags.Stale;
        // One that is away is read first: its copy is given up when the op has ended.
        if (_state[piece] is not (PieceState.Away or PieceState.Prefetching)) DropCopies(piece);
    }

    private void Free(int piece)
    {
        _idle.Remove(piece);
        switch (_state[piece])
        {
            case PieceState.Resident:
                _live -= _plan.PieceBytes[piece];
                break;
            case PieceState.Offloading or PieceState.Prefetching:
                ref TransferEntry entry = ref _transfers[_transferOf[piece]];
                entry.IsOrphan = true; // the memory goes when the transfer ends
                entry.IsEvictedToHost = entry.IsWrite && (_flags[piece] & PieceFlags.EvictedToHost) != 0;
                break;
            case PieceState.Discarded:
                _discarded--;
                break;
        }

        DropCopies(piece);
        _state[piece] = PieceState.Dead;
        _flags[piece] = PieceFlags.None;
    }

    /// <summary>Carries a planned offload out: a drop when a tier holds the bytes, a write otherwise. Nothing for what is in use, away or cannot move.</summary>
    private void Offload(in PlanStep step)
    {
        int piece = step.Piece;
        if (_state[piece] != PieceState.Resident || !_idle.Contains(piece)) return;
        PieceFlags wanted = step.Tier == MemoryTier.Host && _host is not null ? PieceFlags.OnHost : PieceFlags.OnSsd;
        if ((_flags[piece] & wanted) != 0 || (!step.Writes && (_flags[piece] & PieceFlags.AnyCopy) != 0))
        {
            Drop(piece);
            return;
        }

        TierPath? path = wanted == PieceFlags.OnHost && HasSpace(_host!, piece) ? _host : _ssd;
        if (path == _ssd && (_flags[piece] & PieceFlags.OnSsd) != 0) Drop(piece);
        else if (path == _host || HasSpace(_ssd, piece)) StartWrite(piece, path!, isPlanned: true);
    }

    private void Discard(int tensor)
    {
        for (int piece = _plan.FirstPiece[tensor]; piece < _plan.FirstPiece[tensor + 1]; piece++)
        {
            if (!_idle.Contains(piece)) return;
        }

        for (int piece = _plan.FirstPiece[tensor]; piece < _plan.FirstPiece[tensor + 1]; piece++)
        {
            _idle.Remove(piece);
            DropCopies(piece);
            _state[piece] = PieceState.Discarded;
            _live -= _plan.PieceBytes[piece];
            _discarded++;
        }
    }

    private void Drop(int piece)
    {
        _idle.Remove(piece);
        _state[piece] = PieceState.Away;
        _live -= _plan.PieceBytes[piece];
    }

    private void QueuePrefetches(int op)
    {
        for (int i = _plan.FirstBack[op]; i < _plan.FirstBack[op + 1]; i++)
        {
            ref readonly PlanStep step = ref _plan.Back[i];
            if (_state[step.Piece] == PieceState.Offloading) _flags[step.Piece] |= PieceFlags.WantedBack;
            if (_state[step.Piece] != PieceState.Away) continue;
            _queue.Add(step.Piece * 2 + (int)step.Tier);
            _askedAt[step.Piece] = _now;
        }

        StartPrefetches();
    }

    /// <summary>Begins queued prefetches in order, as far as there is room.</summary>
    private void StartPrefetches()
    {
        while (_queue.Count > 0 && !_isFinished)
        {
            int piece = _queue[0] >> 1;
            if (_state[piece] == PieceState.Away) // else an op was faster, or it died
            {
                if (_live + _plan.PieceBytes[piece] + _roomWanted + _roomForOp > _budget) return;
                PieceFlags asked = (_queue[0] & 1) == (int)MemoryTier.Host ? PieceFlags.OnHost : PieceFlags.OnSsd;
                StartRead(piece, (_flags[piece] & asked) != 0 ? PathOf(asked) : CopyOf(piece), isPlanned: true, _askedAt[piece]);
            }

            _queue.Take();
        }
    }

    /// <summary>
    /// Returns when so many bytes more fit, as the engine's Evictor does: what is on its way out counts as gone; of the rest those that are spared best
    /// leave, and the op waits for all that it sent away.
    /// </summary>
    private bool MakeRoom(int op, long needed)
    {
        if (_live + needed <= _budget) return true;
        _roomWanted += needed;
        bool hasRoom = TryMakeRoom(op, needed);
        _roomWanted -= needed;
        foreach (int piece in _stuck) ListIfIdle(piece);
        _stuck.Clear();
        return hasRoom;
    }

    private bool TryMakeRoom(int op, long needed)
    {
        while (true)
        {
            long shortfall = _live + needed - _budget;
            if (shortfall <= 0) return true;
            bool hasChosen = Evict(op, shortfall - _offloadingBytes);
            if (!hasChosen && _offloadsInFlight == 0 && _prefetchesInFlight == 0)
            {
                _failure = $"Op {op} ({_context.Trace.Ops[op].Name}) needs {new ByteSize(needed)} more while {new ByteSize(_live + _context.BaselineBytes)} are in memory and "
                    + "no tier has space for more of it. Give a tier a larger Capacity, or raise the budget.";
                return false;
            }

            if (!hasChosen) Wait(StallCause.NoRoom); // writes under way will free memory, reads become idle
            while (_roundLeft > 0) Wait(StallCause.NoRoom);
        }
    }

    /// <summary>Sends idle pieces away until they make up the shortfall.</summary>
    /// <returns>Whether there were any.</returns>
    private bool Evict(int op, long shortfall)
    {
        bool hasChosen = false;
        while (shortfall > 0 && _idle.Best(op) is >= 0 and int piece)
        {
            if ((_flags[piece] & PieceFlags.AnyCopy) != 0)
            {
                Drop(piece);
            }
            else if (PathForEviction(piece) is { } path)
            {
                StartWrite(piece, path, isPlanned: false);
                _transfers[_transferOf[piece]].IsOfRound = true;
                _roundLeft++;
            }
            else
            {
                _idle.Remove(piece);
                _stuck.Add(piece);
                continue;
            }

            hasChosen = true;
            _unplanned++;
            shortfall -= _plan.PieceBytes[piece];
        }

        return hasChosen;
    }

    private TierPath? PathForEviction(int piece)
    {
        if (_host is not null && _evictedToHost + _plan.PieceBytes[piece] <= _hostForEvictions && HasSpace(_host, piece)) return _host;
        return HasSpace(_ssd, piece) ? _ssd : null;
    }
}
