namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// The ops at which memory is over a line, and the sum of their seconds over any range. Memory only sinks, so an op that leaves the set never comes
/// back: all work together is O((ops + ranges) log ops). Seconds are counted in whole units, so that sums are exact; an op of no duration counts as one.
/// </summary>
internal sealed class CriticalOps
{
    private readonly MaxTree _negatedMemory; // of critical ops only
    private readonly long[] _sums; // Fenwick tree of the durations of critical ops
    private readonly long[] _durations;
    private readonly long _line;
    private readonly int _ops;

    public CriticalOps(long[] memory, double[] seconds, long line)
    {
        _ops = memory.Length;
        _line = line;
        _durations = Units(seconds);
        _sums = new long[_ops + 1];
        var negated = new long[_ops];
        for (int op = 0; op < _ops; op++)
        {
            negated[op] = memory[op] > line ? -memory[op] : MaxTree.Lowest;
            if (memory[op] <= line) continue;
            Count++;
            AddDuration(op, _durations[op]);
        }

        _negatedMemory = new MaxTree(negated);
    }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Duration of those from <paramref name="first"/> to <paramref name="last"/> on the ring, in units.</summary>
    public long Duration(int first, int last)
    {
        if (last < first) return 0;
        if (first >= _ops) (first, last) = (first - _ops, last - _ops);
        long sum = Prefix(Math.Min(last, _ops - 1)) - Prefix(first - 1);
        if (last >= _ops) sum += Prefix(last - _ops);
        return sum;
    }

    /// <summary>So many bytes fewer from <paramref name="first"/> to <paramref name="last"/> on the ring.</summary>
    /// <param name="first">The first op.</param>
    /// <param name="last">The last op, counted on.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="left">Gets the ops that are not critical any more, with their durations in units.</param>
    public void Relieve(int first, int last, long bytes, List<(int Op, long Duration)>? left = null)
    {
        _negatedMemory.AddCyclic(first, last, bytes);
        int op;
        while (Count > 0 && (op = _negatedMemory.FindLast(_ops - 1, -_line)) >= 0)
        {
            _negatedMemory.Remove(op);
            AddDuration(op, -_durations[op]);
            Count--;
            left?.Add((op, _durations[op]));
        }
    }

    private static long[] Units(double[] seconds)
    {
        double total = 0;
        foreach (double s in seconds) total += s;
        double unit = total > 0 ? (1L << 50) / total : 0;
        var units = new long[seconds.Length];
        for (int op = 0; op < units.Length; op++) units[op] = (long)(seconds[op] * unit) + 1;
        return units;
    }

    private long Prefix(int op)
    {
        long sum = 0;
        for (int i = op + 1; i > 0; i &= i - 1) sum += _sums[i];
        return sum;
    }

    private void AddDuration(int op, long duration)
    {
        for (int i = op + 1; i <= _ops; i += i & -i) _sums[i] += duration;
    }
}
