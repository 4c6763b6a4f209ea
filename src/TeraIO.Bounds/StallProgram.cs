using TeraIO.Bounds.Linear;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds;

/// <summary>
/// The stall bound: the traffic program with a clock. At every checkpoint the bytes of the periods that were chosen, less what came back ahead of its
/// deadline, less what is not written yet, must reach the excess; and no interval moves more than its duration allows. Section "Stall bound" of docs/bounds.md.
/// </summary>
internal sealed class StallProgram
{
    private readonly LinearProgram _program = new();
    private readonly Checkpoints _checkpoints;
    private readonly EvictionVariables _evictions;
    private readonly Units _units;
    private readonly double _idealSeconds;
    private readonly int[] _stall;
    private readonly int[][] _reads;
    private readonly int[][] _writes;

    public StallProgram(Trace trace, MachineModel machine, List<PeriodGroup> groups, Checkpoints checkpoints, ReadOnlySpan<long> excess)
    {
        _checkpoints = checkpoints;
        _units = Units.For(excess, machine, trace);
        _idealSeconds = trace.IdealSeconds;
        TierModel[] tiers = machine.Host is { } host ? [machine.Storage, host] : [machine.Storage];
        _evictions = new EvictionVariables(_program, groups, checkpoints, tiers, _units);
        int count = checkpoints.Count;
        _stall = new int[count];
        _reads = new int[count][];
        _writes = new int[count][];
        AddIntervals(trace, new PathRows(_program, machine, tiers, _units));
        var back = new int[tiers.Length][];
        var unwritten = new int[tiers.Length][];
        for (int tier = 0; tier < tiers.Length; tier++)
        {
            back[tier] = AddReads(tier);
            unwritten[tier] = AddWrites(tier, tiers[tier]);
        }

        for (int i = 0; i < count; i++)
        {
            long need = excess[checkpoints.Positions[i] / 2];
            if (need > 0) AddAway(_program.AddRow(_units.Amount(need), double.PositiveInfinity), i, Enumerable.Range(0, tiers.Length), back, unwritten);
            if (tiers.Length > 1 && _units.Amount(tiers[1].Capacity) < _evictions.Total)
                AddAway(_program.AddRow(double.NegativeInfinity, _units.Amount(tiers[1].Capacity)), i, [1], back, unwritten);
        }
    }

    public int Variables => _program.Variables;

    public int Rows => _program.Rows;

    /// <summary>Seconds of the iteration at least.</summary>
    public double Seconds(TimeSpan limit, out string status)
    {
        LinearSolution solution = _program.Solve(limit);
        status = solution.Status;
        return _idealSeconds + (double.IsFinite(solution.Bound) ? Math.Max(0, solution.Bound) : 0) * _units.Seconds;
    }

    private void AddIntervals(Trace trace, PathRows path)
    {
        int ops = trace.Ops.Length;
        for (int i = 0; i < _checkpoints.Count; i++)
        {
            int start = _checkpoints.Positions[i], end = _checkpoints.PositionAfter(i);
            double seconds = 0;
            for (int op = (start + 1) / 2; 2 * op < end; op++) seconds += trace.Ops[op % ops].Seconds;
            bool hasWait = end - start > 1 || start % 2 == 1;
            (_stall[i], _) = path.AddInterval(_units.Time(seconds), hasWait, _evictions.Total, out _reads[i], out _writes[i]);
        }
    }

    /// <summary>Reads by their deadlines. Returns per checkpoint what has come back ahead of its deadline.</summary>
    private int[] AddReads(int tier)
    {
        int[] back = AddStock(tier, _reads, 1, out int[] rows);
        foreach (EvictionVariable eviction in _evictions.All)
            if (eviction.Tier == tier && !eviction.Period.EndsInFree) eviction.AddAway(_program, rows[_checkpoints.Wrap(eviction.Period.Last)], -1);
        return back;
    }

    /// <summary>Writes by their releases. Returns per checkpoint what is chosen to be away and not yet written.</summary>
    private int[] AddWrites(int tier, TierModel model)
    {
        int count = _checkpoints.Count;
        var late = new int[count];
        late.AsSpan().Fill(-1);
        int[][] inPeriod = AddEarlyWrites(tier);
        int[] unwritten = AddStock(tier, inPeriod, -1, out int[] rows);
        foreach (EvictionVariable eviction in _evictions.All)
        {
            if (eviction.Tier != tier || eviction.Written < 0) continue;
            int interval = _checkpoints.Wrap(eviction.Period.First - 1);
            _program.Add(rows[interval], eviction.Written, 1);
            if (!eviction.Period.ReleasedAtEnd) continue;
            // The op before the next checkpoint makes these bytes: what the wait cannot write remains.
            if (late[interval] < 0)
            {
                late[interval] = _program.AddRow(0, double.PositiveInfinity);
                _program.Add(late[interval], unwritten[_checkpoints.Wrap(interval + 1)], 1);
                _program.Add(late[interval], _stall[interval], _units.Rate(model.WriteBandwidth));
            }

            _program.Add(late[interval], eviction.Written, -1);
        }

        return unwritten;
    }

    /// <summary>Splits each interval's writes into those for the period they fall into and those ahead of a period, which have a release and a deadline. Returns the former.</summary>
    private int[][] AddEarlyWrites(int tier)
    {
        int count = _checkpoints.Count;
        if (!_evictions.All.Any(eviction => eviction.Tier == tier && eviction.WrittenBefore >= 0)) return _writes;
        var inPeriod = new int[count][];
        var early = new int[count][];
        for (int i = 0; i < count; i++)
        {
            inPeriod[i] = new int[_writes[i].Length];
            early[i] = new int[_writes[i].Length];
            inPeriod[i][tier] = _program.AddVariable(0, _evictions.Total);
            early[i][tier] = _program.AddVariable(0, _evictions.Total);
            int sum = _program.AddRow(0, 0);
            _program.Add(sum, _writes[i][tier], -1);
            _program.Add(sum, inPeriod[i][tier], 1);
            _program.Add(sum, early[i][tier], 1);
        }

        int[] waiting = AddStock(tier, early, -1, out int[] released);
        int[] ahead = AddStock(tier, early, 1, out int[] due);
        // Without this both stocks could float: together they are what was released and is not yet due.
        int anchor = _program.AddRow(0, 0);
        _program.Add(anchor, waiting[0], -1);
        _program.Add(anchor, ahead[0], -1);
        foreach (EvictionVariable eviction in _evictions.All)
        {
            if (eviction.Tier != tier || eviction.WrittenBefore < 0) continue;
            (int from, int until) = (eviction.Period.EarlyFrom, eviction.Period.EarlyUntil);
            _program.Add(released[_checkpoints.Wrap(from)], eviction.WrittenBefore, 1);
            _program.Add(due[_checkpoints.Wrap(until)], eviction.WrittenBefore, -1);
            for (int turn = -1; turn <= 1; turn++)
                if (from < turn * count && turn * count <= until) _program.Add(anchor, eviction.WrittenBefore, 1);
        }

        return inPeriod;
    }

    /// <summary>A stock per checkpoint that flows of the intervals fill or empty: stock after = stock before + sign x flow + what the caller adds to the row.</summary>
    private int[] AddStock(int tier, int[][] flows, int sign, out int[] rows)
    {
        int count = _checkpoints.Count;
        var stock = new int[count];
        rows = new int[count];
        for (int i = 0; i < count; i++) stock[i] = _program.AddVariable(0, _evictions.Total);
        for (int i = 0; i < count; i++)
        {
            rows[i] = _program.AddRow(0, 0);
            _program.Add(rows[i], stock[_checkpoints.Wrap(i + 1)], -1);
            _program.Add(rows[i], stock[i], 1);
            _program.Add(rows[i], flows[i][tier], sign);
        }

        return stock;
    }

    private void AddAway(int row, int checkpoint, IEnumerable<int> tiers, int[][] back, int[][] unwritten)
    {
        foreach (int tier in tiers)
        {
            _program.Add(row, _evictions.Chosen(tier, checkpoint), 1);
            _program.Add(row, back[tier][checkpoint], -1);
            _program.Add(row, unwritten[tier][checkpoint], -1);
        }
    }
}
