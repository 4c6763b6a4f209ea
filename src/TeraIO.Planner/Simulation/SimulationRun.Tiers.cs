using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>Tiers: copies, their space, and transfers from begin to end.</summary>
internal sealed partial class SimulationRun
{
    private bool _isFinished; // the iteration is over: only what is in flight goes on

    private static PieceFlags FlagOf(TierPath path) => path.Tier == MemoryTier.Host ? PieceFlags.OnHost : PieceFlags.OnSsd;

    private TierPath PathOf(PieceFlags copy) => copy == PieceFlags.OnHost ? _host! : _ssd;

    /// <summary>Where the bytes of a piece are; host memory where both tiers have them.</summary>
    private TierPath CopyOf(int piece) => (_flags[piece] & PieceFlags.OnHost) != 0 ? _host! : _ssd;

    private void DropCopies(int piece)
    {
        DropCopy(piece, _ssd);
        if (_host is not null) DropCopy(piece, _host);
    }

    private void DropCopy(int piece, TierPath path)
    {
        PieceFlags flag = FlagOf(path);
        if ((_flags[piece] & flag) == 0) return;
        path.Used -= _plan.PieceBytes[piece];
        if (path.Tier == MemoryTier.Host && (_flags[piece] & PieceFlags.EvictedToHost) != 0)
        {
            _evictedToHost -= _plan.PieceBytes[piece];
            flag |= PieceFlags.EvictedToHost;
        }

        _flags[piece] &= ~flag;
    }

    /// <summary>Whether a tier can take a piece, after dropping copies of what is in memory as well, the oldest first.</summary>
    private bool HasSpace(TierPath path, int piece)
    {
        long bytes = _plan.PieceBytes[piece];
        while (path.Used > path.Capacity - bytes)
        {
            if (path.Spare.Count == 0) return false;
            int spare = path.Spare.Take();
            if (_state[spare] == PieceState.Resident && spare != piece) DropCopy(spare, path);
        }

        return true;
    }

    /// <summary>Remembers a copy that memory has as well: a tier with limited space may drop it.</summary>
    private void NoteSpare(int piece, TierPath path)
    {
        if (path.Capacity < NoLimit && (_flags[piece] & FlagOf(path)) != 0) path.Spare.Add(piece);
    }

    private void StartWrite(int piece, TierPath path, bool isPlanned)
    {
        long bytes = _plan.PieceBytes[piece];
        _idle.Remove(piece);
        _state[piece] = PieceState.Offloading;
        _offloadsInFlight++;
        _offloadingBytes += bytes;
        path.Used += bytes;
        if (!isPlanned && path.Tier == MemoryTier.Host)
        {
            _flags[piece] |= PieceFlags.EvictedToHost;
            _evictedToHost += bytes;
        }

        Start(piece, path, isWrite: true, isPlanned, isUrgent: false, _now);
    }

    private void StartRead(int piece, TierPath path, bool isPlanned, double asked)
    {
        long bytes = _plan.PieceBytes[piece];
        _state[piece] = PieceState.Prefetching;
        Grow(bytes);
        if (isPlanned) _prefetchesInFlight++;
        Start(piece, path, isWrite: false, isPlanned, isUrgent: !isPlanned, asked);
    }

    private void Start(int piece, TierPath path, bool isWrite, bool isPlanned, bool isUrgent, double asked)
    {
        long bytes = _plan.PieceBytes[piece];
        int transfer = _transfers.Add(new TransferEntry
        {
            Piece = piece,
            Bytes = bytes,
            Remaining = bytes,
            ReadyAt = double.PositiveInfinity,
            Issued = asked,
            Started = double.NaN,
            Tier = path.Tier,
            IsWrite = isWrite,
            IsPlanned = isPlanned,
            IsUrgent = isUrgent,
            IsOfThisIteration = true,
        });
        _transferOf[piece] = transfer;
        path.Add(transfer, _now);
    }

    private void EndWrite(TierPath path, int transfer)
    {
        TransferEntry entry = _transfers[transfer];
        _transfers.Remove(transfer);
        Record(entry);
        path.BytesWritten += entry.Bytes;
        _offloadsInFlight--;
        _offloadingBytes -= entry.Bytes;
        if (entry.IsOfRound) _roundLeft--;
        if (entry.IsOrphan)
        {
            _live -= entry.Bytes;
            path.Used -= entry.Bytes;
            if (entry.IsEvictedToHost) _evictedToHost -= entry.Bytes;
            return;
        }

        int piece = entry.Piece;
        PieceFlags flags = _flags[piece];
        _flags[piece] = (flags | FlagOf(path)) & ~(PieceFlags.Stale | PieceFlags.WantedBack);
        bool isStale = (flags & PieceFlags.Stale) != 0;
        _state[piece] = PieceState.Resident;
        if (isStale) DropCopy(piece, path);
        if ((flags & (PieceFlags.Pinned | PieceFlags.WantedBack | PieceFlags.Stale)) == 0)
        {
            _state[piece] = PieceState.Away;
            _live -= entry.Bytes;
            return;
        }

        NoteSpare(piece, path);
        ListIfIdle(piece);
    }

    private void EndRead(TierPath path, int transfer)
    {
        TransferEntry entry = _transfers[transfer];
        _transfers.Remove(transfer);
        Record(entry);
        path.BytesRead += entry.Bytes;
        if (entry.IsPlanned) _prefetchesInFlight--;
        if (entry.IsOrphan)
        {
            _live -= entry.Bytes;
            return;
        }

        _state[entry.Piece] = PieceState.Resident;
        NoteSpare(entry.Piece, _ssd);
        if (_host is not null) NoteSpare(entry.Piece, _host);
        ListIfIdle(entry.Piece);
    }

    /// <summary>Most bytes that the plan has in host memory at once: evictions leave so much of it alone.</summary>
    private long PlannedHostBytes()
    {
        var isHeld = new bool[_plan.PieceCount];
        long held = 0;
        long most = 0;
        for (int round = 0; round < 2; round++)
        {
            for (int op = 0; op < _context.OpCount; op++)
            {
                for (int i = _plan.FirstBack[op]; i < _plan.FirstBack[op + 1]; i++) Note(_plan.Back[i].Piece, false);
                for (int i = _plan.FirstAway[op]; i < _plan.FirstAway[op + 1]; i++) Note(_plan.Away[i].Piece, _plan.Away[i].Tier == MemoryTier.Host);
            }
        }

        return most;

        void Note(int piece, bool isHost)
        {
            if (isHeld[piece] == isHost) return;
            isHeld[piece] = isHost;
            held += isHost ? _plan.PieceBytes[piece] : -_plan.PieceBytes[piece];
            most = Math.Max(most, held);
        }
    }
}
