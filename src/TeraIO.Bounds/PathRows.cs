using TeraIO.Bounds.Linear;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds;

/// <summary>What can move in an interval: bandwidth per direction and their interference for each tier, and what transfers take from the ops.</summary>
internal sealed class PathRows
{
    /// <summary>Transfers never take more of the compute than this, see the simulator.</summary>
    private const double MostOfCompute = 0.9;

    private readonly LinearProgram _program;
    private readonly IReadOnlyList<TierModel> _tiers;
    private readonly Units _units;
    private readonly double _mostPerTime;

    public PathRows(LinearProgram program, MachineModel machine, IReadOnlyList<TierModel> tiers, Units units)
    {
        _program = program;
        _tiers = tiers;
        _units = units;
        foreach (TierModel tier in tiers)
        {
            double read = units.Rate(tier.ReadBandwidth), write = units.Rate(tier.WriteBandwidth);
            _mostPerTime += Math.Max(Shared(tier) * (read + write), Math.Max(read, write));
        }

        // The simulator caps what transfers take; a smaller price per byte at the highest rate stays below it at every rate.
        StolenPerUnit = Math.Min(units.Time(machine.ComputeSecondsPerByte * units.Bytes), MostOfCompute / _mostPerTime);
    }

    /// <summary>Time that a unit of bytes takes from an op that runs meanwhile.</summary>
    public double StolenPerUnit { get; }

    /// <summary>
    /// Adds an interval in which ops run for <paramref name="time"/>, wait for as long as the first variable returned says, and give way to as many bytes as the second
    /// one says (-1 where there is none).
    /// </summary>
    public (int Stall, int Stolen) AddInterval(double time, bool hasWait, double mostBytes, out int[] reads, out int[] writes)
    {
        double slowest = double.PositiveInfinity;
        foreach (TierModel tier in _tiers) slowest = Math.Min(slowest, _units.Rate(Math.Min(tier.ReadBandwidth, tier.WriteBandwidth)));
        int stall = hasWait ? _program.AddVariable(0, 2 * mostBytes / slowest + StolenPerUnit * mostBytes, 1) : -1;
        int stolen = StolenPerUnit > 0 ? _program.AddVariable(0, 2 * mostBytes, StolenPerUnit) : -1;
        reads = new int[_tiers.Count];
        writes = new int[_tiers.Count];
        for (int tier = 0; tier < _tiers.Count; tier++)
        {
            reads[tier] = _program.AddVariable(0, mostBytes);
            writes[tier] = _program.AddVariable(0, mostBytes);
            double read = 1 / _units.Rate(_tiers[tier].ReadBandwidth), write = 1 / _units.Rate(_tiers[tier].WriteBandwidth);
            // Mixtures of reading alone, writing alone, and both at the shared rate: the triangle's two sides.
            double disturbance = (1 - Shared(_tiers[tier])) / Shared(_tiers[tier]);
            int readLimit = AddLimit(time, stall, stolen), writeLimit = AddLimit(time, stall, stolen);
            _program.Add(readLimit, reads[tier], read);
            _program.Add(readLimit, writes[tier], write * disturbance);
            _program.Add(writeLimit, writes[tier], write);
            _program.Add(writeLimit, reads[tier], read * disturbance);
        }

        if (stolen < 0) return (stall, stolen);
        // What moves while nothing runs takes nothing from the ops; all else does.
        int split = _program.AddRow(double.NegativeInfinity, 0);
        _program.Add(split, stolen, -1);
        if (stall >= 0) _program.Add(split, stall, -_mostPerTime);
        for (int tier = 0; tier < _tiers.Count; tier++)
        {
            _program.Add(split, reads[tier], 1);
            _program.Add(split, writes[tier], 1);
        }

        return (stall, stolen);
    }

    /// <summary>The part of its bandwidth at which each direction runs while both do.</summary>
    private static double Shared(TierModel tier) => (2 - tier.Interference) / 2;

    private int AddLimit(double time, int stall, int stolen)
    {
        int row = _program.AddRow(double.NegativeInfinity, time);
        if (stall >= 0) _program.Add(row, stall, -1);
        if (stolen >= 0) _program.Add(row, stolen, -StolenPerUnit);
        return row;
    }
}
