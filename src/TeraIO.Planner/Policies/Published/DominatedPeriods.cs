using System.Numerics;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// Keeps periods out of a greedy planner's queue that cannot come first. A period that begins no later, ends no earlier and has no more bytes than another has at least its time over the budget on
/// every tier whose bandwidth is booked, now and later, and goes before it when both are equal: the other one waits until it is gone. Of a training's periods, most of which lie within each other,
/// few are in the queue at any time, so that few have to be looked at again after each migration.
/// </summary>
/// <remarks>
/// Where read bandwidth is booked out, periods with different ends are as good as one: their ends are taken to be the last op that can still move a byte, which only sinks and keeps its order. The search
/// for a period to wait for is cut off after <see cref="MostVisits"/> steps: who finds none competes, which costs time and changes no plan.
/// </remarks>
internal sealed class DominatedPeriods
{
    private const int MostVisits = 256;

    private readonly List<InactivePeriod> _periods;
    private readonly BandwidthBook _reads;
    private readonly int _size; // a power of 2
    private readonly int[] _mostEnd; // of periods not gone; too large where bandwidth was booked since
    private readonly long[] _leastBytes;
    private readonly int[] _firstWaiting; // for a period; -1: nobody
    private readonly int[] _nextWaiting;
    private int _visits;

    /// <param name="periods">Ordered by begin; of equally good ones the first goes first.</param>
    /// <param name="reads">Where their reads are booked.</param>
    public DominatedPeriods(List<InactivePeriod> periods, BandwidthBook reads)
    {
        _periods = periods;
        _reads = reads;
        _size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, periods.Count));
        _mostEnd = new int[2 * _size];
        _leastBytes = new long[2 * _size];
        _mostEnd.AsSpan().Fill(int.MinValue);
        _leastBytes.AsSpan().Fill(long.MaxValue);
        _firstWaiting = new int[periods.Count];
        _nextWaiting = new int[periods.Count];
        _firstWaiting.AsSpan().Fill(-1);
        for (int i = 0; i < periods.Count; i++)
        {
            _mostEnd[_size + i] = EndOf(i);
            _leastBytes[_size + i] = periods[i].Bytes;
        }

        for (int node = _size - 1; node > 0; node--) Sum(node);
    }

    /// <summary>Has a period that is not gone wait for a better one.</summary>
    /// <returns>False when none was found: it must compete.</returns>
    public bool TryWait(int period)
    {
        _visits = 0;
        int better = FindBetter(1, 0, _size - 1, period, EndOf(period));
        if (better < 0) return false;
        _nextWaiting[period] = _firstWaiting[better];
        _firstWaiting[better] = period;
        return true;
    }

    /// <summary>A period is chosen or of no use any more: adds those that waited for it and find no other to <paramref name="competing"/>.</summary>
    public void Remove(int period, List<int> competing)
    {
        int node = _size + period;
        _mostEnd[node] = int.MinValue;
        _leastBytes[node] = long.MaxValue;
        for (node /= 2; node > 0; node /= 2) Sum(node);
        int waiting = _firstWaiting[period];
        _firstWaiting[period] = -1;
        while (waiting >= 0)
        {
            int next = _nextWaiting[waiting];
            if (!TryWait(waiting)) competing.Add(waiting);
            waiting = next;
        }
    }

    private int EndOf(int period) => _reads.LatestBegin(_periods[period].Before - 1, 1);

    /// <summary>The last period before <paramref name="period"/> that is at least as good; -1 when there is none, or the search takes too long.</summary>
    private int FindBetter(int node, int from, int to, int period, int end)
    {
        if (from >= period || _mostEnd[node] < end || _leastBytes[node] > _periods[period].Bytes || ++_visits > MostVisits) return -1;
        if (from == to)
        {
            _mostEnd[node] = EndOf(from);
            return _mostEnd[node] >= end ? from : -1;
        }

        int middle = (from + to) / 2;
        int found = FindBetter(2 * node + 1, middle + 1, to, period, end);
        if (found < 0) found = FindBetter(2 * node, from, middle, period, end);
        Sum(node);
        return found;
    }

    private void Sum(int node)
    {
        _mostEnd[node] = Math.Max(_mostEnd[2 * node], _mostEnd[2 * node + 1]);
        _leastBytes[node] = Math.Min(_leastBytes[2 * node], _leastBytes[2 * node + 1]);
    }
}
