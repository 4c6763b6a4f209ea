namespace TeraIO.Planner.Ranks;

/// <summary>Whose turn it is among simulated ranks: always that of the earliest, so that all see one time.</summary>
internal sealed class RankSchedule
{
    private readonly object _sync = new();
    private readonly RankOptions _options;
    private readonly List<RankClock> _ranks = [];

    public RankSchedule(RankOptions options, IReadOnlyList<double> starts)
    {
        _options = options;
        for (int i = 0; i < starts.Count; i++) _ranks.Add(new RankClock(this, i, starts[i]));
    }

    public IReadOnlyList<RankClock> Ranks => _ranks;

    public int Count => _ranks.Count;

    /// <summary>Every rank has ended as many iterations as were asked for.</summary>
    public bool AllHaveDone => _ranks.TrueForAll(rank => rank.IterationEnds.Count >= _options.Iterations);

    /// <summary>What ended the simulation; null when nothing did.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Returns when it is the rank's turn again. One that has left only hands its turn on.</summary>
    /// <exception cref="OperationCanceledException">Another rank has failed.</exception>
    public void PassOn(RankClock from)
    {
        RankClock? next = null;
        lock (_sync)
        {
            from.IsParked = true;
            // At the beginning ranks arrive on their threads in any order; afterwards all others are parked.
            if (_ranks.TrueForAll(static rank => rank.IsParked || rank.HasLeft)) next = Earliest();
            if (next is not null) next.IsParked = false;
        }

        if (next != from)
        {
            next?.Turn.Release();
            if (!from.HasLeft) from.Turn.Wait();
        }

        if (Failure is not null && !from.HasLeft) throw new OperationCanceledException("Another rank has failed.");
    }

    /// <summary>Ends an iteration of a rank; where ranks exchange gradients it is held until the last one has ended its own.</summary>
    public void EndIteration(RankClock rank, double globalTime)
    {
        if (!_options.IsSynchronous)
        {
            rank.IterationEnds.Add(globalTime);
            return;
        }

        rank.IsHeld = true;
        if (!_ranks.TrueForAll(static r => r.IsHeld || r.HasLeft)) return;
        foreach (RankClock held in _ranks)
        {
            if (held.HasLeft) continue;
            held.IsHeld = false;
            held.IterationEnds.Add(globalTime);
            if (held != rank) held.Interrupt(globalTime);
        }
    }

    private RankClock? Earliest()
    {
        RankClock? earliest = null;
        foreach (RankClock rank in _ranks)
        {
            if (!rank.HasLeft && (earliest is null || rank.Goal < earliest.Goal)) earliest = rank;
        }

        return earliest;
    }
}
