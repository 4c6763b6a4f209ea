namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// Bandwidth of one direction of a tier that is still free, per op on the ring of the iteration: an op of so many seconds can move its
/// share of bytes. Every question is O(log ops).
/// </summary>
internal sealed class BandwidthBook
{
    private readonly int _ops;
    private readonly long[] _free;
    private readonly long[] _sums; // Fenwick tree
    private readonly int _top;
    private long _total;

    public BandwidthBook(double[] seconds, double bandwidth)
    {
        _ops = seconds.Length;
        _free = new long[_ops];
        _sums = new long[_ops + 1];
        _top = 1;
        while (_top * 2 <= _ops) _top *= 2;
        for (int op = 0; op < _ops; op++) Change(op, (long)Math.Min(seconds[op] * bandwidth, 1L << 50));
    }

    /// <summary>
    /// The op, counted on from <paramref name="first"/>, by whose end so many bytes have moved when they begin with op <paramref name="first"/>;
    /// <see cref="int.MaxValue"/> when a whole iteration is not enough.
    /// </summary>
    public int EarliestEnd(int first, long bytes)
    {
        if (bytes > _total) return int.MaxValue;
        int op = first % _ops;
        int round = first - op;
        long target = Prefix(op - 1) + bytes;
        return target <= _total ? round + CountBelow(target) : round + _ops + CountBelow(target - _total);
    }

    /// <summary>
    /// The last op, counted on, at whose begin so many bytes can set out so that they have moved by the end of op <paramref name="last"/>;
    /// <see cref="int.MinValue"/> when a whole iteration is not enough.
    /// </summary>
    public int LatestBegin(int last, long bytes)
    {
        if (bytes > _total) return int.MinValue;
        int op = last % _ops;
        int round = last - op;
        long target = Prefix(op) - bytes;
        return target >= 0 ? round + CountUpTo(target) : round - _ops + CountUpTo(target + _total);
    }

    /// <summary>Books bytes from <paramref name="first"/> on.</summary>
    public void BookForward(int first, long bytes)
    {
        while (bytes > 0)
        {
            int op = EarliestEnd(first, 1) % _ops;
            long part = Math.Min(bytes, _free[op]);
            Change(op, -part);
            bytes -= part;
        }
    }

    /// <summary>Books bytes from <paramref name="last"/> on, backwards.</summary>
    public void BookBackward(int last, long bytes)
    {
        while (bytes > 0)
        {
            int op = LatestBegin(last, 1);
            op = op < 0 ? op + _ops : op % _ops;
            long part = Math.Min(bytes, _free[op]);
            Change(op, -part);
            bytes -= part;
        }
    }

    /// <summary>The first op up to whose end the sum reaches the target.</summary>
    private int CountBelow(long target)
    {
        int at = 0;
        for (int step = _top; step > 0; step /= 2)
        {
            if (at + step > _ops || _sums[at + step] >= target) continue;
            at += step;
            target -= _sums[at];
        }

        return at;
    }

    /// <summary>The last op before whose begin the sum is not above the target.</summary>
    private int CountUpTo(long target)
    {
        int at = 0;
        for (int step = _top; step > 0; step /= 2)
        {
            if (at + step > _ops || _sums[at + step] > target) continue;
            at += step;
            target -= _sums[at];
        }

        return Math.Min(at, _ops - 1);
    }

    private long Prefix(int op)
    {
        long sum = 0;
        for (int i = op + 1; i > 0; i &= i - 1) sum += _sums[i];
        return sum;
    }

    private void Change(int op, long bytes)
    {
        _free[op] += bytes;
        _total += bytes;
        for (int i = op + 1; i <= _ops; i += i & -i) _sums[i] += bytes;
    }
}
