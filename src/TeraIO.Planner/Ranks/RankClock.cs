namespace TeraIO.Planner.Ranks;

/// <summary>
/// The time of one simulated rank among others. Each rank runs on a thread of its own, but only the one whose next event is the earliest ever moves, so that a simulation of ranks is
/// as deterministic as one of a single rank. A rank's own seconds count from the start of its iteration; global ones from the start of the simulation.
/// </summary>
internal sealed class RankClock(RankSchedule schedule, int number, double start) : IDisposable
{
    private double _origin = start;

    /// <summary>Global time up to which the rank has nothing to do.</summary>
    public double Goal { get; private set; }

    /// <summary>Its place in the schedule; ties go to the lower.</summary>
    public int Number { get; } = number;

    /// <summary>Waits for its turn.</summary>
    public bool IsParked { get; set; }

    /// <summary>Lets the rank's transfers move on to a second of its time; set when it joins.</summary>
    public Action<double>? CatchUp { get; set; }

    /// <summary>Its first iteration has begun.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>It has ended an iteration and waits for the others.</summary>
    public bool IsHeld { get; set; }

    public bool HasLeft { get; private set; }

    public bool HasOthers => schedule.Count > 1;

    public bool AllHaveDone => schedule.AllHaveDone;

    /// <summary>Global time at the end of each iteration, waiting for others included.</summary>
    public List<double> IterationEnds { get; } = [];

    /// <summary>Released when it is this rank's turn.</summary>
    public SemaphoreSlim Turn { get; } = new(0);

    private bool IsInterrupted { get; set; }

    public double ToGlobal(double time) => _origin + time;

    /// <summary>Returns when no rank has anything to do before; false when <see cref="Interrupt"/> came before.</summary>
    public bool TryReach(double time)
    {
        Goal = ToGlobal(time);
        IsInterrupted = false;
        schedule.PassOn(this);
        if (IsInterrupted) return false;
        HasStarted = true;
        return true;
    }

    /// <summary>By another rank: something changes at a time at which this one has not arrived.</summary>
    /// <returns>That time in this rank's seconds.</returns>
    public double Interrupt(double globalTime)
    {
        IsInterrupted = true;
        Goal = globalTime;
        CatchUp!(globalTime - _origin);
        return globalTime - _origin;
    }

    /// <summary>The origin of its seconds moves.</summary>
    public void Rebase(double seconds) => _origin += seconds;

    public void EndIteration(double time) => schedule.EndIteration(this, ToGlobal(time));

    /// <summary>Takes no part any more.</summary>
    public void Leave()
    {
        HasLeft = true;
        schedule.PassOn(this);
    }

    public void Dispose() => Turn.Dispose();
}
