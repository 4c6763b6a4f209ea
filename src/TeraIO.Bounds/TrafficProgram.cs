using TeraIO.Bounds.Linear;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds;

/// <summary>
/// The traffic bound: at every checkpoint enough bytes are away, at whatever speed they got there. Time enters only as a whole: all reads and writes of an
/// iteration must fit into it. Section "Traffic bound" of docs/bounds.md.
/// </summary>
internal sealed class TrafficProgram
{
    private readonly LinearProgram _program = new();
    private readonly Units _units;
    private readonly double _idealSeconds;
    private readonly int _reads;
    private readonly int _writes;
    private readonly int _stall;
    private readonly int _stolen;
    private readonly double _stolenPerByte;

    public TrafficProgram(Trace trace, MachineModel machine, List<PeriodGroup> groups, Checkpoints checkpoints, ReadOnlySpan<long> excess)
    {
        _units = Units.For(excess, machine, trace);
        _idealSeconds = trace.IdealSeconds;
        TierModel[] tiers = machine.Host is { } host ? [machine.Storage, host] : [machine.Storage];
        var evictions = new EvictionVariables(_program, groups, checkpoints, tiers, _units);
        double total = 2 * evictions.Total;
        for (int i = 0; i < checkpoints.Count; i++)
        {
            long need = excess[checkpoints.Positions[i] / 2];
            if (need > 0)
            {
                int row = _program.AddRow(_units.Amount(need), double.PositiveInfinity);
                for (int tier = 0; tier < tiers.Length; tier++) _program.Add(row, evictions.Chosen(tier, i), 1);
            }

            if (tiers.Length < 2 || _units.Amount(tiers[1].Capacity) >= evictions.Total) continue;
            int capacity = _program.AddRow(double.NegativeInfinity, _units.Amount(tiers[1].Capacity));
            _program.Add(capacity, evictions.Chosen(1, i), 1);
        }

        var path = new PathRows(_program, machine, tiers, _units);
        _stolenPerByte = path.StolenPerUnit;
        (_stall, _stolen) = path.AddInterval(_units.Time(_idealSeconds), hasWait: true, total, out int[] reads, out int[] writes);
        (_reads, _writes) = (reads[0], writes[0]);
        for (int tier = 0; tier < tiers.Length; tier++)
        {
            int read = _program.AddRow(0, 0), write = _program.AddRow(0, 0);
            _program.Add(read, reads[tier], -1);
            _program.Add(write, writes[tier], -1);
            foreach (EvictionVariable eviction in evictions.All)
            {
                if (eviction.Tier != tier) continue;
                if (!eviction.Period.EndsInFree) eviction.AddAway(_program, read, 1);
                eviction.AddWrites(_program, write, 1);
            }
        }
    }

    /// <summary>Seconds of the iteration at least.</summary>
    public double Seconds(TimeSpan limit, out string status) =>
        _idealSeconds + Math.Max(0, Minimise(variable => variable == _stall ? 1 : variable == _stolen ? _stolenPerByte : 0, limit, out status)) * _units.Seconds;

    /// <summary>Bytes read from SSD at least.</summary>
    public long BytesRead(TimeSpan limit) => Bytes(Minimise(variable => variable == _reads ? 1 : 0, limit, out _));

    /// <summary>Bytes written to SSD at least.</summary>
    public long BytesWritten(TimeSpan limit) => Bytes(Minimise(variable => variable == _writes ? 1 : 0, limit, out _));

    /// <summary>Bytes read and written at least.</summary>
    public long BytesMoved(TimeSpan limit) => Bytes(Minimise(variable => variable == _reads || variable == _writes ? 1 : 0, limit, out _));

    private long Bytes(double amount) => (long)Math.Max(0, Math.Floor(amount * _units.Bytes));

    private double Minimise(Func<int, double> cost, TimeSpan limit, out string status)
    {
        _program.SetCosts(cost);
        LinearSolution solution = _program.Solve(limit);
        status = solution.Status;
        return double.IsFinite(solution.Bound) ? solution.Bound : 0;
    }
}
