using System.Numerics;

namespace TeraIO.Planner.Policies.Published;

/// <summary>Numbers by place: adds to ranges and finds places by value in O(log n).</summary>
internal sealed class MaxTree
{
    /// <summary>A value below all others that stays so whatever is added.</summary>
    public const long Lowest = long.MinValue / 2;

    private readonly int _size; // a power of 2
    private readonly long[] _max;
    private readonly long[] _added; // to the whole subtree

    public MaxTree(ReadOnlySpan<long> values)
    {
        Count = values.Length;
        _size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, Count));
        _max = new long[2 * _size];
        _added = new long[2 * _size];
        _max.AsSpan().Fill(Lowest);
        values.CopyTo(_max.AsSpan(_size));
        for (int i = _size - 1; i > 0; i--) _max[i] = Math.Max(_max[2 * i], _max[2 * i + 1]);
    }

    public int Count { get; }

    /// <summary>The largest of all.</summary>
    public long Max => _max[1];

    /// <summary>Adds to the places from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public void Add(int first, int last, long value)
    {
        if (first <= last) Add(1, 0, _size - 1, first, last, value);
    }

    /// <summary>The same on a ring: <paramref name="last"/> may lie one round ahead.</summary>
    public void AddCyclic(int first, int last, long value)
    {
        if (first >= Count) (first, last) = (first - Count, last - Count);
        Add(first, Math.Min(last, Count - 1), value);
        Add(0, last - Count, value);
    }

    /// <summary>The largest from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public long MaxOf(int first, int last) => first > last ? Lowest : MaxOf(1, 0, _size - 1, first, last);

    /// <summary>The same on a ring.</summary>
    public long MaxOfCyclic(int first, int last)
    {
        if (first >= Count) (first, last) = (first - Count, last - Count);
        return Math.Max(MaxOf(first, Math.Min(last, Count - 1)), MaxOf(0, last - Count));
    }

    /// <summary>Takes a place out: its value is <see cref="Lowest"/> from now on.</summary>
    public void Remove(int place) => Add(place, place, Lowest - MaxOf(place, place));

    /// <summary>The last place up to <paramref name="place"/> whose value is at least <paramref name="value"/>; -1 when there is none.</summary>
    public int FindLast(int place, long value) => place < 0 ? -1 : FindLast(1, 0, _size - 1, place, value);

    private void Add(int node, int from, int to, int first, int last, long value)
    {
        if (first <= from && to <= last)
        {
            _max[node] += value;
            _added[node] += value;
            return;
        }

        int middle = (from + to) / 2;
        if (first <= middle) Add(2 * node, from, middle, first, last, value);
        if (last > middle) Add(2 * node + 1, middle + 1, to, first, last, value);
        _max[node] = Math.Max(_max[2 * node], _max[2 * node + 1]) + _added[node];
    }

    private long MaxOf(int node, int from, int to, int first, int last)
    {
        if (first <= from && to <= last) return _max[node];
        int middle = (from + to) / 2;
        long max = Lowest;
        if (first <= middle) max = MaxOf(2 * node, from, middle, first, last);
        if (last > middle) max = Math.Max(max, MaxOf(2 * node + 1, middle + 1, to, first, last));
        return max + _added[node];
    }

    private int FindLast(int node, int from, int to, int place, long value)
    {
        if (from > place || _max[node] < value) return -1;
        if (from == to) return from < Count ? from : -1;
        int middle = (from + to) / 2;
        int found = FindLast(2 * node + 1, middle + 1, to, place, value - _added[node]);
        return found >= 0 ? found : FindLast(2 * node, from, middle, place, value - _added[node]);
    }
}
