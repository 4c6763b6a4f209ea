using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// Where everything is when the first iteration begins: as the plan would have it, so that few iterations lead to the steady state. What the
/// plan leaves open is in memory as far as there is room, the nearest use first, and on SSD otherwise.
/// </summary>
internal sealed partial class SimulationRun
{
    private enum PlannedPlace : byte
    {
        Open,
        InMemory,
        OnSsd,
        OnHost,
        Nowhere,
    }

    private void Populate()
    {
        PlannedPlace[] places = PlannedPlaces();
        for (int tensor = 0; tensor < _context.TensorCount; tensor++)
        {
            if (!_context.IsLiveAtStart[tensor]) continue;
            for (int piece = _plan.FirstPiece[tensor]; piece < _plan.FirstPiece[tensor + 1]; piece++)
            {
                if (_context.IsMovable[tensor])
                {
                    SendAway(piece, places[piece]);
                    continue;
                }

                _state[piece] = PieceState.Resident;
                Grow(_plan.PieceBytes[piece]);
            }
        }

        foreach (ref readonly TraceAccess access in _context.Trace.Accesses) FillMemory(access.Tensor, places);
        for (int tensor = 0; tensor < _context.TensorCount; tensor++) FillMemory(tensor, places);
        _roomForOp = _context.CreatedBytes[0] + _context.Workspace[0];
    }

    private void SendAway(int piece, PlannedPlace place)
    {
        if (place == PlannedPlace.Nowhere)
        {
            _state[piece] = PieceState.Discarded;
            _discarded++;
            return;
        }

        TierPath path = place == PlannedPlace.OnHost && _host is not null && HasSpace(_host, piece) ? _host : _ssd;
        _state[piece] = PieceState.Away;
        _flags[piece] = FlagOf(path);
        path.Used += _plan.PieceBytes[piece];
    }

    private void FillMemory(int tensor, PlannedPlace[] places)
    {
        for (int piece = _plan.FirstPiece[tensor]; piece < _plan.FirstPiece[tensor + 1]; piece++)
        {
            if (_state[piece] != PieceState.Away || places[piece] is not (PlannedPlace.Open or PlannedPlace.InMemory)) continue;
            if (_live + _plan.PieceBytes[piece] > _budget) continue;
            Grow(_plan.PieceBytes[piece]);
            DropCopies(piece);
            _state[piece] = PieceState.Resident;
            ListIfIdle(piece);
        }
    }

    private PlannedPlace[] PlannedPlaces()
    {
        var places = new PlannedPlace[_plan.PieceCount];
        for (int op = 0; op < _context.OpCount; op++)
        {
            for (int i = _plan.FirstBack[op]; i < _plan.FirstBack[op + 1]; i++) places[_plan.Back[i].Piece] = PlannedPlace.InMemory;
            for (int i = _plan.FirstRecomputed[op]; i < _plan.FirstRecomputed[op + 1]; i++) Set(_plan.Recomputed[i].Piece, PlannedPlace.InMemory);
            for (int i = _plan.FirstAway[op]; i < _plan.FirstAway[op + 1]; i++)
            {
                ref readonly PlanStep step = ref _plan.Away[i];
                if (step.Kind == MigrationKind.Discard) Set(step.Piece, PlannedPlace.Nowhere);
                else places[step.Piece] = step.Tier == MemoryTier.Host ? PlannedPlace.OnHost : PlannedPlace.OnSsd;
            }
        }

        return places;

        void Set(int firstPiece, PlannedPlace place)
        {
            int tensor = _plan.TensorOf[firstPiece];
            places.AsSpan(firstPiece, _plan.FirstPiece[tensor + 1] - firstPiece).Fill(place);
        }
    }
}
