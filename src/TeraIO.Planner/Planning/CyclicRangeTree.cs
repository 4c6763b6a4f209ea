using System.Numerics;

namespace TeraIO.Planner.Planning;

/// <summary>
/// A curve over the ops of an iteration, in bytes: adds to a stretch of ops and finds the highest value of a stretch, or the last op of it above a limit, in
/// O(log n). A segment tree with sums that are not pushed down. Stretches are cyclic: a first op and a count. Not thread-safe.
/// </summary>
internal sealed class CyclicRangeTree
{
    private readonly int _ops;
    private readonly int _leaves;
    private readonly long[] _max; // of the node's stretch, with its own and lower additions
    private readonly long[] _added; // to the whole stretch of the node

    public CyclicRangeTree(ReadOnlySpan<long> values)
    {
        _ops = values.Length;
        _leaves = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, _ops));
        _max = new long[2 * _leaves];
        _added = new long[2 * _leaves];
        Reset(values);
    }

    /// <summary>Highest value of all.</summary>
    public long Max => _max[1];

    /// <summary>Takes other values, as many as before.</summary>
    public void Reset(ReadOnlySpan<long> values)
    {
        Array.Clear(_added);
        values.CopyTo(_max.AsSpan(_leaves));
        _max.AsSpan(_leaves + _ops).Fill(long.MinValue / 2);
        for (int node = _leaves - 1; node >= 1; node--) _max[node] = Math.Max(_max[2 * node], _max[2 * node + 1]);
    }

    /// <summary>Adds to <paramref name="count"/> ops from <paramref name="first"/> on.</summary>
    public void Add(int first, int count, long bytes)
    {
        if (count <= 0) return;
        int end = first + count;
        AddLinear(1, 0, _leaves, first, Math.Min(end, _ops), bytes);
        if (end > _ops) AddLinear(1, 0, _leaves, 0, end - _ops, bytes);
    }

    /// <summary>Highest value of <paramref name="count"/> ops from <paramref name="first"/> on.</summary>
    public long MaxOf(int first, int count)
    {
        if (count <= 0) return long.MinValue / 2;
        int end = first + count;
        long max = MaxLinear(1, 0, _leaves, first, Math.Min(end, _ops));
        return end > _ops ? Math.Max(max, MaxLinear(1, 0, _leaves, 0, end - _ops)) : max;
    }

    /// <summary>
    /// The last of <paramref name="count"/> ops from <paramref name="first"/> on whose value is above <paramref name="limit"/>, as a distance from
    /// <paramref name="first"/>; -1 when there is none.
    /// </summary>
    public int LastAbove(int first, int count, long limit)
    {
        if (count <= 0) return -1;
        int end = first + count;
        if (end > _ops)
        {
            int wrapped = LastAboveLinear(1, 0, _leaves, 0, end - _ops, limit, 0);
            if (wrapped >= 0) return wrapped + _ops - first;
        }

        int op = LastAboveLinear(1, 0, _leaves, first, Math.Min(end, _ops), limit, 0);
        return op < 0 ? -1 : op - first;
    }

    /// <summary>The first such op, as a distance from <paramref name="first"/>; -1 when there is none.</summary>
    public int FirstAbove(int first, int count, long limit)
    {
        if (count <= 0) return -1;
        int end = first + count;
        int op = FirstAboveLinear(1, 0, _leaves, first, Math.Min(end, _ops), limit, 0);
        if (op >= 0) return op - first;
        if (end <= _ops) return -1;
        op = FirstAboveLinear(1, 0, _leaves, 0, end - _ops, limit, 0);
        return op < 0 ? -1 : op + _ops - first;
    }

    /// <summary>Writes all values out.</summary>
    public void CopyTo(Span<long> values) => CopyTo(1, 0, _leaves, 0, values);

    private void CopyTo(int node, int low, int high, long above, Span<long> values)
    {
        if (low >= _ops) return;
        if (high - low == 1)
        {
            values[low] = _max[node] + above;
            return;
        }

        int middle = (low + high) / 2;
        CopyTo(2 * node, low, middle, above + _added[node], values);
        CopyTo(2 * node + 1, middle, high, above + _added[node], values);
    }

    private void AddLinear(int node, int low, int high, int from, int to, long bytes)
    {
        if (from >= high || to <= low) return;
        if (from <= low && high <= to)
        {
            _max[node] += bytes;
            _added[node] += bytes;
            return;
        }

        int middle = (low + high) / 2;
        AddLinear(2 * node, low, middle, from, to, bytes);
        AddLinear(2 * node + 1, middle, high, from, to, bytes);
        _max[node] = Math.Max(_max[2 * node], _max[2 * node + 1]) + _added[node];
    }

    private long MaxLinear(int node, int low, int high, int from, int to)
    {
        if (from >= high || to <= low) return long.MinValue / 2;
        if (from <= low && high <= to) return _max[node];
        int middle = (low + high) / 2;
        return Math.Max(MaxLinear(2 * node, low, middle, from, to), MaxLinear(2 * node + 1, middle, high, from, to)) + _added[node];
    }

    private int LastAboveLinear(int node, int low, int high, int from, int to, long limit, long above)
    {
        if (from >= high || to <= low || _max[node] + above <= limit) return -1;
        if (high - low == 1) return low;
        int middle = (low + high) / 2;
        above += _added[node];
        int right = LastAboveLinear(2 * node + 1, middle, high, from, to, limit, above);
        return right >= 0 ? right : LastAboveLinear(2 * node, low, middle, from, to, limit, above);
    }

    private int FirstAboveLinear(int node, int low, int high, int from, int to, long limit, long above)
    {
        if (from >= high || to <= low || _max[node] + above <= limit) return -1;
        if (high - low == 1) return low;
        int middle = (low + high) / 2;
        above += _added[node];
        int left = FirstAboveLinear(2 * node, low, middle, from, to, limit, above);
        return left >= 0 ? left : FirstAboveLinear(2 * node + 1, middle, high, from, to, limit, above);
    }
}
