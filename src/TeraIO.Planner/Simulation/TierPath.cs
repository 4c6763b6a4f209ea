using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Ranks;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// A tier: a read and a write channel that slow each other down. While both move bytes each runs at (2 - Interference) / 2 of its bandwidth, the
/// fair point on the line r / ReadBandwidth + w / WriteBandwidth = 2 - Interference.
/// </summary>
internal sealed class TierPath
{
    private readonly TransferTable _table;
    private readonly double _shared;

    public TierPath(TransferTable table, TierModel model, MemoryTier tier)
    {
        Check(model, tier);
        _table = table;
        _shared = (2 - model.Interference) / 2;
        Tier = tier;
        Capacity = model.Capacity;
        Reads = new TransferChannel(table, model.ReadBandwidth, model.LatencySeconds, model.QueueDepth);
        Writes = new TransferChannel(table, model.WriteBandwidth, model.LatencySeconds, model.QueueDepth);
    }

    /// <summary>The path of all ranks whose part this is; null when nobody else uses it.</summary>
    public SharedPath? SharedBy { get; set; }

    public MemoryTier Tier { get; }

    public TransferChannel Reads { get; }

    public TransferChannel Writes { get; }

    public long Capacity { get; }

    /// <summary>Bytes of copies that it holds or receives.</summary>
    public long Used { get; set; }

    /// <summary>Pieces whose copy can be dropped when space is needed, because memory has the bytes too; entries may be out of date.</summary>
    public IntRing Spare { get; } = new();

    /// <summary>Bytes read in the running iteration.</summary>
    public long BytesRead { get; set; }

    /// <summary>Bytes written in the running iteration.</summary>
    public long BytesWritten { get; set; }

    public double NextEvent => Math.Min(Reads.NextEvent, Writes.NextEvent);

    /// <summary>Bytes per second that move now, both directions together.</summary>
    public double Rate => Reads.Rate + Writes.Rate;

    public void Add(int transfer, double now)
    {
        (_table[transfer].IsWrite ? Writes : Reads).Add(transfer, now);
        Update(now);
    }

    public void Advance(double seconds)
    {
        Reads.Advance(seconds);
        Writes.Advance(seconds);
    }

    /// <summary>Follows a change of what is in the channels.</summary>
    public void Update(double now)
    {
        Reads.Choose(now);
        Writes.Choose(now);
        if (SharedBy is not null)
        {
            SharedBy.Divide(this, now);
            return;
        }

        double fraction = Reads.Flowing >= 0 && Writes.Flowing >= 0 ? _shared : 1;
        Reads.SetRate(fraction, now);
        Writes.SetRate(fraction, now);
    }

    /// <summary>Follows a change of how many read and write at all: they divide what the path gives equally.</summary>
    public void SetShares(int readers, int writers, double now)
    {
        double fraction = readers > 0 && writers > 0 ? _shared : 1;
        Reads.SetRate(fraction / Math.Max(1, readers), now);
        Writes.SetRate(fraction / Math.Max(1, writers), now);
    }

    public void Rebase(double seconds)
    {
        Reads.Rebase(seconds);
        Writes.Rebase(seconds);
        Update(0);
    }

    private static void Check(TierModel model, MemoryTier tier)
    {
        if (!(model.ReadBandwidth > 0) || !double.IsFinite(model.ReadBandwidth)) throw Fault(tier, "ReadBandwidth", model.ReadBandwidth, "a number above 0");
        if (!(model.WriteBandwidth > 0) || !double.IsFinite(model.WriteBandwidth)) throw Fault(tier, "WriteBandwidth", model.WriteBandwidth, "a number above 0");
        if (!(model.Interference is >= 0 and <= 1)) throw Fault(tier, "Interference", model.Interference, "from 0 to 1");
        if (!(model.LatencySeconds >= 0) || !double.IsFinite(model.LatencySeconds)) throw Fault(tier, "LatencySeconds", model.LatencySeconds, "a number that is not negative");
        if (model.QueueDepth < 1) throw Fault(tier, "QueueDepth", model.QueueDepth, "at least 1");
        if (model.Capacity < 0) throw Fault(tier, "Capacity", model.Capacity, "not negative");
    }

    private static ConfigurationException Fault(MemoryTier tier, string what, object value, string rule) =>
        new($"{what} of the {tier} tier is {value}; it must be {rule}.");
}
