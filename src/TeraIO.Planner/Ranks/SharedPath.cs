using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Ranks;

/// <summary>
/// A storage path that the ranks of a node share: at any moment those that read divide the read bandwidth equally, those that write the write bandwidth; any reader and any
/// writer disturb each other as those of one rank do. Used by the rank whose turn it is only.
/// </summary>
internal sealed class SharedPath
{
    private readonly List<Part> _parts = [];
    private int _readers;
    private int _writers;

    private sealed record Part(TierPath Path, RankClock Clock);

    /// <param name="path">A rank's part of it.</param>
    /// <param name="clock">That rank's time.</param>
    public void Add(TierPath path, RankClock clock)
    {
        _parts.Add(new Part(path, clock));
        path.SharedBy = this;
    }

    /// <summary>A rank has ended; what it has in flight counts no longer.</summary>
    public void Remove(TierPath path, double globalTime)
    {
        _parts.RemoveAll(part => part.Path == path);
        if (Count()) TellOthers(path, globalTime);
    }

    /// <summary>What moves in <paramref name="path"/> may have changed: new rates for it, and for the others where they change.</summary>
    public void Divide(TierPath path, double now)
    {
        bool isChanged = Count();
        path.SetShares(_readers, _writers, now);
        if (isChanged) TellOthers(path, _parts.Find(part => part.Path == path)!.Clock.ToGlobal(now));
    }

    /// <returns>Whether readers or writers are more or fewer than before.</returns>
    private bool Count()
    {
        (int readers, int writers) = (_readers, _writers);
        _readers = _writers = 0;
        foreach (Part part in _parts)
        {
            if (part.Path.Reads.Flowing >= 0) _readers++;
            if (part.Path.Writes.Flowing >= 0) _writers++;
        }

        return _readers != readers || _writers != writers;
    }

    private void TellOthers(TierPath path, double globalTime)
    {
        foreach (Part part in _parts)
        {
            if (part.Path == path || !part.Clock.HasStarted) continue;
            double time = part.Clock.Interrupt(globalTime);
            part.Path.SetShares(_readers, _writers, time);
        }
    }
}
