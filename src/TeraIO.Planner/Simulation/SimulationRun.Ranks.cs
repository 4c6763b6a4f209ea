using TeraIO.Planner.Ranks;

namespace TeraIO.Planner.Simulation;

/// <summary>What a simulation has to do with other ranks: nothing, unless it was joined to some.</summary>
internal sealed partial class SimulationRun
{
    private RankClock? _rank;

    /// <summary>The storage tier becomes a part of a path that all ranks of the clock share. Before <see cref="Execute"/>.</summary>
    public void Join(RankClock rank, SharedPath path)
    {
        _rank = rank;
        rank.CatchUp = CatchUp;
        path.Add(_ssd, rank);
    }

    /// <summary>Whether the time has come; false when another rank changed the rates before, and this one is there now.</summary>
    private bool TryReach(double time) => _rank is null || _rank.TryReach(time);

    private void AwaitStart()
    {
        while (!TryReach(0))
        {
        }
    }

    private bool GoesOn(int iteration, bool isSteady) =>
        _rank is { HasOthers: true } ? !_rank.AllHaveDone : iteration < _options.MostIterations && !isSteady;

    private void EndIteration()
    {
        if (_rank is null) return;
        _rank.EndIteration(_now);
        while (_rank.IsHeld) Step(NextEvent);
    }

    private void LeaveRanks()
    {
        if (_rank is null) return;
        RankClock rank = _rank;
        _rank = null;
        _ssd.SharedBy!.Remove(_ssd, rank.ToGlobal(_now));
        _ssd.SharedBy = null;
        rank.Leave();
        _ssd.Update(_now);
    }

    /// <summary>Another rank has come to a time at which rates change.</summary>
    private void CatchUp(double time) => AdvanceTo(Math.Max(time, _now));
}
