using System.Numerics;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// Windows of ops by the critical time in them, kept up to date while ops stop being critical: the best one is known at any moment. A tree over the windows, sorted along a curve through their begins and
/// ends, so that neighbours contain about the same ops: what an op takes away is noted once for a whole branch. Windows of a training lie along few lines in the plane of begins and ends, where a change
/// costs O(log windows); at worst it costs O(sqrt windows).
/// </summary>
internal sealed class WindowRanking
{
    /// <summary>The value of a place without window; stays below all others whatever is taken away.</summary>
    private const long Absent = long.MinValue / 4;

    private readonly int _ops;
    private readonly int _size; // a power of 2
    private readonly int[] _placeOf;
    private readonly Branch[] _branches; // leaves from _size on

    private struct Branch
    {
        public int LeastFirst;
        public int MostFirst;
        public int LeastLast;
        public int MostLast;
        public int BestPeriod;
        public long Best; // with what was taken away in this branch, not above it
        public long Taken; // from the whole branch

        public static Branch Empty => new()
        {
            LeastFirst = int.MaxValue,
            MostFirst = int.MinValue,
            LeastLast = int.MaxValue,
            MostLast = int.MinValue,
            BestPeriod = int.MaxValue,
            Best = Absent,
        };
    }

    /// <param name="periods">What may get a window within it; none has one yet.</param>
    /// <param name="ops">Of the iteration.</param>
    public WindowRanking(List<InactivePeriod> periods, int ops)
    {
        _ops = ops;
        _size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, periods.Count));
        _branches = new Branch[2 * _size];
        _branches.AsSpan().Fill(Branch.Empty);
        var curve = new ulong[periods.Count];
        var order = new int[periods.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
            curve[i] = (Spread((uint)periods[i].After) << 1) | Spread((uint)periods[i].Before);
        }

        Array.Sort(curve, order);
        _placeOf = new int[order.Length];
        for (int place = 0; place < order.Length; place++) _placeOf[order[place]] = _size + place;
    }

    /// <summary>How many windows there are.</summary>
    public int Count { get; private set; }

    /// <summary>The window with the most critical time, of equal ones that of the first period. There must be one.</summary>
    public (int Period, long Duration) Best => (_branches[1].BestPeriod, _branches[1].Best);

    /// <summary>Gives a period its window, or another one.</summary>
    /// <param name="period">Its number.</param>
    /// <param name="first">The first op.</param>
    /// <param name="last">The last op, counted on.</param>
    /// <param name="duration">Critical time from the one to the other.</param>
    public void Set(int period, int first, int last, long duration)
    {
        if (first >= _ops) (first, last) = (first - _ops, last - _ops);
        int place = _placeOf[period];
        if (_branches[place].Best == Absent) Count++;
        for (int above = place / 2; above > 0; above /= 2) duration += _branches[above].Taken;
        _branches[place] = new Branch { LeastFirst = first, MostFirst = first, LeastLast = last, MostLast = last, BestPeriod = period, Best = duration };
        SumAbove(place);
    }

    /// <summary>Takes a period's window out.</summary>
    public void Remove(int period)
    {
        int place = _placeOf[period];
        _branches[place] = Branch.Empty;
        Count--;
        SumAbove(place);
    }

    /// <summary>An op is no longer critical: windows around it have so much less.</summary>
    public void Lower(int op, long duration)
    {
        Lower(1, op, duration);
        Lower(1, op + _ops, duration);
    }

    private void Lower(int node, int op, long duration)
    {
        ref Branch branch = ref _branches[node];
        if (branch.LeastFirst > op || branch.MostLast < op) return;
        if (branch.MostFirst <= op && branch.LeastLast >= op)
        {
            branch.Best -= duration;
            branch.Taken += duration;
            return;
        }

        Lower(2 * node, op, duration);
        Lower(2 * node + 1, op, duration);
        Sum(node);
    }

    private void SumAbove(int node)
    {
        for (node /= 2; node > 0; node /= 2) Sum(node);
    }

    private void Sum(int node)
    {
        ref readonly Branch left = ref _branches[2 * node];
        ref readonly Branch right = ref _branches[2 * node + 1];
        ref readonly Branch best = ref left;
        if (right.Best > left.Best || (right.Best == left.Best && right.BestPeriod < left.BestPeriod)) best = ref right;
        long taken = _branches[node].Taken;
        _branches[node] = new Branch
        {
            LeastFirst = Math.Min(left.LeastFirst, right.LeastFirst),
            MostFirst = Math.Max(left.MostFirst, right.MostFirst),
            LeastLast = Math.Min(left.LeastLast, right.LeastLast),
            MostLast = Math.Max(left.MostLast, right.MostLast),
            BestPeriod = best.BestPeriod,
            Best = best.Best - taken,
            Taken = taken,
        };
    }

    /// <summary>A zero between every two bits, for the Z-order curve.</summary>
    private static ulong Spread(uint value)
    {
        ulong bits = value;
        bits = (bits | (bits << 16)) & 0x0000FFFF0000FFFF;
        bits = (bits | (bits << 8)) & 0x00FF00FF00FF00FF;
        bits = (bits | (bits << 4)) & 0x0F0F0F0F0F0F0F0F;
        bits = (bits | (bits << 2)) & 0x3333333333333333;
        return (bits | (bits << 1)) & 0x5555555555555555;
    }
}
