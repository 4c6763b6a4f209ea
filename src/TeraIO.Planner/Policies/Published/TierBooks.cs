using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Policies.Published;

/// <summary>What a published planner books of one tier: both directions apart, as if they did not disturb each other.</summary>
internal sealed class TierBooks
{
    private readonly MaxTree? _used; // bytes held per op; null: space is no concern
    private readonly long _capacity;
    private readonly double[] _endOf; // seconds from the iteration's begin to an op's end
    private readonly double _latency;

    public TierBooks(MemoryTier tier, TierModel model, double[] seconds)
    {
        Tier = tier;
        Reads = new BandwidthBook(seconds, model.ReadBandwidth);
        Writes = new BandwidthBook(seconds, model.WriteBandwidth);
        _capacity = model.Capacity;
        _latency = model.LatencySeconds;
        if (_capacity < long.MaxValue) _used = new MaxTree(new long[seconds.Length]);
        _endOf = new double[seconds.Length];
        double sum = 0;
        for (int op = 0; op < seconds.Length; op++) _endOf[op] = sum += seconds[op];
    }

    public MemoryTier Tier { get; }

    public BandwidthBook Reads { get; }

    public BandwidthBook Writes { get; }

    /// <summary>Whether it can hold the bytes of a period beside what is booked.</summary>
    public bool HasSpace(in InactivePeriod period) =>
        _used is null || period.Bytes <= _capacity - Math.Max(0, _used.MaxOfCyclic(period.After + 1, period.Before - 1));

    /// <summary>Holds the bytes of a period.</summary>
    public void Hold(in InactivePeriod period) => _used?.AddCyclic(period.After + 1, period.Before - 1, period.Bytes);

    /// <summary>The op, not before <paramref name="earliest"/>, at whose begin a read must be asked for so that its first byte moves at <paramref name="begin"/>.</summary>
    public int IssueFor(int begin, int earliest)
    {
        if (_latency == 0) return begin;
        int issue = begin;
        double from = EndOf(begin - 1);
        while (issue > earliest && from - EndOf(issue - 1) < _latency) issue--;
        return issue;
    }

    private double EndOf(int op)
    {
        int ops = _endOf.Length;
        double rounds = 0;
        for (; op >= ops; op -= ops) rounds += _endOf[^1];
        for (; op < 0; op += ops) rounds -= _endOf[^1];
        return rounds + _endOf[op];
    }
}
