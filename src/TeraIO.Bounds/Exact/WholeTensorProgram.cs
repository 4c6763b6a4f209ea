using TeraIO.Bounds.Linear;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds.Exact;

/// <summary>
/// The stall program for whole tensors and without coarsening: a tensor's memory goes when its last byte is written and is taken before its first byte is
/// read. Section "Whole tensors" of docs/bounds.md. SSD only.
/// </summary>
internal sealed class WholeTensorProgram
{
    private readonly LinearProgram _program = new();
    private readonly int _positions;
    private readonly Units _units;
    private readonly double _idealSeconds;
    private readonly int[] _reads;
    private readonly int[] _writes;
    private readonly List<WholeTensorPeriod> _periods = [];
    private readonly Dictionary<int, (int First, int[] Writes)> _writesOfHistory = [];

    public WholeTensorProgram(Trace trace, MachineModel machine, ReadOnlySpan<long> excess)
    {
        _positions = 2 * trace.Ops.Length;
        _units = Units.For(excess, machine, trace);
        _idealSeconds = trace.IdealSeconds;
        AddPeriods(trace, excess);
        (_reads, _writes) = AddIntervals(trace, machine);
        AddHistories();
        foreach (WholeTensorPeriod period in _periods) AddPeriod(period);
        AddMemory(excess);
    }

    /// <summary>Yes-or-no decisions.</summary>
    public int Binaries { get; private set; }

    /// <summary>Yes-or-no decisions of a program that is not built yet.</summary>
    public static int CountDecisions(Trace trace, ReadOnlySpan<long> excess)
    {
        int decisions = 0;
        foreach (IdlePeriod period in IdlePeriods.Of(trace))
            if (Helps(period, excess)) decisions += 2 * (period.End - period.Start - 1);
        return decisions;
    }

    public IReadOnlyList<WholeTensorPeriod> Periods => _periods;

    /// <summary>Solves it. The bound is in seconds of the iteration.</summary>
    public LinearSolution Solve(TimeSpan limit)
    {
        LinearSolution solution = _program.SolveInteger(limit);
        return solution with { Bound = Math.Max(0, solution.Bound) * _units.Seconds + _idealSeconds };
    }

    /// <summary>Seconds of the iteration in a solution.</summary>
    public double SecondsOf(LinearSolution solution) => _program.CostOf(solution.Values) * _units.Seconds + _idealSeconds;

    /// <summary>The first interval in which bytes of a period's history are written, as a position; null when none are.</summary>
    public int? FirstWrite(WholeTensorPeriod period, LinearSolution solution)
    {
        if (!_writesOfHistory.TryGetValue(period.History, out (int First, int[] Writes) history)) return null;
        int index = Array.FindIndex(history.Writes, variable => solution.Values[variable] > period.Bytes * 1e-6);
        return index < 0 ? null : period.Period.DirtySince + index;
    }

    /// <summary>Periods in which being away helps at some position.</summary>
    private void AddPeriods(Trace trace, ReadOnlySpan<long> excess)
    {
        int histories = 0, previous = -1;
        (int Tensor, int History) last = (-1, -1);
        foreach (IdlePeriod period in IdlePeriods.Of(trace))
        {
            if (last != (period.Tensor, period.History)) (last, previous) = ((period.Tensor, period.History), histories++);
            if (Helps(period, excess)) _periods.Add(new WholeTensorPeriod(period, previous, _units.Amount(trace.Tensors[period.Tensor].Bytes)));
        }
    }

    private static bool Helps(IdlePeriod period, ReadOnlySpan<long> excess)
    {
        for (int position = period.Start + 1; position < period.End; position++)
            if (excess[position / 2 % excess.Length] > 0) return true;
        return false;
    }

    private (int[] Reads, int[] Writes) AddIntervals(Trace trace, MachineModel machine)
    {
        var path = new PathRows(_program, machine, [machine.Storage], _units);
        double total = _periods.Sum(static period => period.Bytes);
        var readRows = new int[_positions];
        var writeRows = new int[_positions];
        for (int position = 0; position < _positions; position++)
        {
            bool isOp = position % 2 == 0;
            path.AddInterval(isOp ? _units.Time(trace.Ops[position / 2].Seconds) : 0, hasWait: !isOp, total, out int[] reads, out int[] writes);
            readRows[position] = SumTo(reads[0]);
            writeRows[position] = SumTo(writes[0]);
        }

        return (readRows, writeRows);

        int SumTo(int variable)
        {
            int row = _program.AddRow(0, 0);
            _program.Add(row, variable, -1);
            return row;
        }
    }

    /// <summary>Writes of a history: from the change of the bytes to the end of the last period in which they can leave.</summary>
    private void AddHistories()
    {
        foreach (IGrouping<int, WholeTensorPeriod> history in _periods.GroupBy(static period => period.History))
        {
            WholeTensorPeriod first = history.First();
            if (first.Period.IsNeverDirty) continue;
            int start = first.Period.DirtySince, end = history.Max(period => Unrolled(period, start) + period.Period.End - period.Period.Start);
            var writes = new int[end - start - 1];
            int once = _program.AddRow(double.NegativeInfinity, first.Bytes);
            for (int i = 0; i < writes.Length; i++)
            {
                writes[i] = _program.AddVariable(0, first.Bytes);
                _program.Add(once, writes[i], 1);
                _program.Add(_writes[Wrap(start + i)], writes[i], 1);
            }

            _writesOfHistory[history.Key] = (start, writes);
        }
    }

    private void AddPeriod(WholeTensorPeriod period)
    {
        (int start, int[] writes) = _writesOfHistory.GetValueOrDefault(period.History, (0, []));
        int before = period.Period.IsNeverDirty ? 0 : Unrolled(period, start) + 1 - start; // intervals of the history that end by the period's first position
        int read = period.Reads.Length > 0 ? _program.AddRow(0, 0) : -1;
        for (int i = 0; i < period.Count; i++)
        {
            int gone = period.Gone[i] = Binary(), back = period.Back[i] = Binary();
            AddOrder(back, gone, 1);
            if (i > 0)
            {
                AddOrder(period.Gone[i - 1], gone, 1);
                AddOrder(period.Back[i - 1], back, 1);
            }

            if (writes.Length > 0)
            {
                // Gone only when all of it is written.
                int row = _program.AddRow(double.NegativeInfinity, 0);
                _program.Add(row, gone, period.Bytes);
                for (int j = 0; j < before + i; j++) _program.Add(row, writes[j], -1);
            }

            if (period.Reads.Length == 0) continue;
            period.Reads[i] = _program.AddVariable(0, period.Bytes);
            _program.Add(_reads[Wrap(period.First + i)], period.Reads[i], 1);
            _program.Add(read, period.Reads[i], 1);
            if (i == 0) continue;
            // What is read between two positions has its memory at the second one.
            int room = _program.AddRow(double.NegativeInfinity, 0);
            _program.Add(room, back, -period.Bytes);
            for (int j = 0; j < i; j++) _program.Add(room, period.Reads[j], 1);
        }

        if (read >= 0) _program.Add(read, period.Gone[^1], -period.Bytes);
    }

    private void AddMemory(ReadOnlySpan<long> excess)
    {
        var rows = new int[_positions];
        for (int position = 0; position < _positions; position++)
            rows[position] = excess[position / 2] > 0 ? _program.AddRow(_units.Amount(excess[position / 2]), double.PositiveInfinity) : -1;
        foreach (WholeTensorPeriod period in _periods)
        {
            for (int i = 0; i < period.Count; i++)
            {
                int row = rows[Wrap(period.First + i)];
                if (row < 0) continue;
                _program.Add(row, period.Gone[i], period.Bytes);
                _program.Add(row, period.Back[i], -period.Bytes);
            }
        }
    }

    private int Binary()
    {
        Binaries++;
        return _program.AddVariable(0, 1, isInteger: true);
    }

    private void AddOrder(int smaller, int larger, double coefficient)
    {
        int row = _program.AddRow(0, double.PositiveInfinity);
        _program.Add(row, larger, coefficient);
        _program.Add(row, smaller, -coefficient);
    }

    /// <summary>The period's start counted on from the change of its bytes that lies at <paramref name="dirtySince"/>.</summary>
    private static int Unrolled(WholeTensorPeriod period, int dirtySince) => period.Period.Start - period.Period.DirtySince + dirtySince;

    private int Wrap(int position)
    {
        int wrapped = position % _positions;
        return wrapped < 0 ? wrapped + _positions : wrapped;
    }
}
