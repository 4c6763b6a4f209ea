namespace TeraIO.Planner.Simulation;

/// <summary>
/// One direction of a tier. As in the engine's transfer lanes, transfers are served in order, those that somebody waits for before all others (and in
/// front of one that is being served, which goes on afterwards). Up to the queue depth, latencies pass at the same time.
/// </summary>
internal sealed class TransferChannel
{
    private const int None = -1;

    private readonly TransferTable _table;
    private readonly double _fullRate;
    private readonly double _latency;
    private readonly int _depth;
    private readonly IntRing _normal = new();
    private readonly IntRing _urgent = new();
    private int _normalInFlight;
    private int _urgentInFlight;
    private bool _endsAtEvent;

    public TransferChannel(TransferTable table, double fullRate, double latency, int depth)
    {
        _table = table;
        _fullRate = fullRate;
        _latency = latency;
        _depth = depth;
    }

    /// <summary>The transfer whose bytes move now; -1 when none do.</summary>
    public int Flowing { get; private set; } = None;

    /// <summary>Bytes per second that move now.</summary>
    public double Rate { get; private set; }

    /// <summary>When this channel's state changes by itself; infinite when it does not.</summary>
    public double NextEvent { get; private set; } = double.PositiveInfinity;

    public bool IsEmpty => _normal.Count == 0 && _urgent.Count == 0;

    public void Add(int transfer, double now)
    {
        (_table[transfer].IsUrgent ? _urgent : _normal).Add(transfer);
        Issue(now);
    }

    /// <summary>Lets time pass during which nothing changes.</summary>
    public void Advance(double seconds)
    {
        if (Flowing == None) return;
        ref double remaining = ref _table[Flowing].Remaining;
        remaining = Math.Max(0, remaining - Rate * seconds);
    }

    /// <summary>At <see cref="NextEvent"/>: the transfer that ended, now out of the channel; -1 when another may begin instead.</summary>
    public int TakeEnded(double now)
    {
        if (!_endsAtEvent || NextEvent > now) return None;
        int ended = Flowing;
        if (_table[ended].IsUrgent)
        {
            _urgent.Take();
            _urgentInFlight--;
        }
        else
        {
            _normal.Take();
            _normalInFlight--;
        }

        Flowing = None;
        _endsAtEvent = false;
        Issue(now);
        return ended;
    }

    /// <summary>Chooses whose bytes move from now on.</summary>
    public void Choose(double now)
    {
        if (_urgentInFlight > 0 && _table[_urgent[0]].ReadyAt <= now) Flowing = _urgent[0];
        else if (_normalInFlight > 0 && _table[_normal[0]].ReadyAt <= now) Flowing = _normal[0];
        else Flowing = None;
        if (Flowing != None && double.IsNaN(_table[Flowing].Started)) _table[Flowing].Started = now;
    }

    /// <summary>Sets how fast bytes move, as a fraction of the full rate, and with it the next event.</summary>
    public void SetRate(double fraction, double now)
    {
        Rate = Flowing == None ? 0 : _fullRate * fraction;
        NextEvent = double.PositiveInfinity;
        _endsAtEvent = false;
        if (Flowing != None)
        {
            NextEvent = now + _table[Flowing].Remaining / Rate;
            _endsAtEvent = true;
        }

        if (_urgentInFlight > 0) Consider(_table[_urgent[0]].ReadyAt, now);
        if (_normalInFlight > 0 && Flowing == None) Consider(_table[_normal[0]].ReadyAt, now);
        if (NextEvent <= now || !IsChoiceDue(now)) return;
        NextEvent = now;
        _endsAtEvent = false;
    }

    /// <summary>Moves the origin of time.</summary>
    public void Rebase(double seconds)
    {
        Rebase(_normal, _normalInFlight, seconds);
        Rebase(_urgent, _urgentInFlight, seconds);
    }

    public ulong Hash(ulong hash)
    {
        for (int i = 0; i < _normal.Count; i++) hash = (hash ^ (uint)_table[_normal[i]].Piece) * 0x100000001B3;
        return hash;
    }

    /// <summary>Bytes that are still to move.</summary>
    public double Backlog()
    {
        double bytes = 0;
        for (int i = 0; i < _normal.Count; i++) bytes += _table[_normal[i]].Remaining;
        for (int i = 0; i < _urgent.Count; i++) bytes += _table[_urgent[i]].Remaining;
        return bytes;
    }

    private void Rebase(IntRing queue, int inFlight, double seconds)
    {
        for (int i = 0; i < queue.Count; i++)
        {
            ref TransferEntry entry = ref _table[queue[i]];
            entry.Issued -= seconds;
            entry.Started -= seconds;
            if (i < inFlight) entry.ReadyAt -= seconds;
            entry.IsOfThisIteration = false;
        }
    }

    /// <summary>A transfer has become ready at this very moment and was not chosen yet: another rank came to the moment first.</summary>
    private bool IsChoiceDue(double now) =>
        (_urgentInFlight > 0 && Flowing != _urgent[0] && _table[_urgent[0]].ReadyAt <= now)
        || (_normalInFlight > 0 && Flowing == None && _table[_normal[0]].ReadyAt <= now);

    private void Consider(double readyAt, double now)
    {
        if (readyAt <= now || readyAt >= NextEvent) return;
        NextEvent = readyAt;
        _endsAtEvent = false;
    }

    private void Issue(double now)
    {
        while (_normalInFlight < _depth && _normalInFlight < _normal.Count) _table[_normal[_normalInFlight++]].ReadyAt = now + _latency;
        while (_urgentInFlight < _depth && _urgentInFlight < _urgent.Count) _table[_urgent[_urgentInFlight++]].ReadyAt = now + _latency;
    }
}
