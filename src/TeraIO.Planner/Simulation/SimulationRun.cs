using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Simulation;

/// <summary>One simulation: its state, the loop over iterations, and what it reports.</summary>
internal sealed partial class SimulationRun
{
    /// <summary>No sum of sizes passes this, so that sums of a budget and sizes do not overflow.</summary>
    private const long NoLimit = 1L << 60;

    private readonly SimulationContext _context;
    private readonly CompiledPlan _plan;
    private readonly SimulationOptions _options;
    private readonly long _budget; // without the baseline
    private readonly double _computeSecondsPerByte;
    private readonly TransferTable _transfers = new();
    private readonly TierPath _ssd;
    private readonly TierPath? _host;
    private readonly IdleOrder _idle;
    private readonly PieceState[] _state;
    private readonly PieceFlags[] _flags;
    private readonly int[] _transferOf;
    private readonly int[] _nextUse;

    private readonly double[] _opStart;
    private readonly double[] _opEnd;
    private readonly double[] _stall;
    private readonly StallCause[] _cause;
    private readonly long[] _memory;
    private readonly List<SimulatedTransfer> _recorded = [];
    private double _recomputeSeconds;
    private double _overheadSeconds;
    private string? _failure;

    public SimulationRun(SimulationContext context, CompiledPlan plan, EvictionOrder order, MachineModel machine, SimulationOptions options)
    {
        _context = context;
        _plan = plan;
        _options = options;
        _budget = Math.Min(machine.MemoryBudget, NoLimit) - context.BaselineBytes;
        _computeSecondsPerByte = machine.ComputeSecondsPerByte;
        _ssd = new TierPath(_transfers, machine.Storage, MemoryTier.Ssd);
        _host = machine.Host is null ? null : new TierPath(_transfers, machine.Host, MemoryTier.Host);
        _idle = new IdleOrder(order, context.OpCount, plan.PieceCount);
        _state = new PieceState[plan.PieceCount];
        _flags = new PieceFlags[plan.PieceCount];
        _transferOf = new int[plan.PieceCount];
        _askedAt = new double[plan.PieceCount];
        _nextUse = [.. context.FirstUse];
        _opStart = new double[context.OpCount];
        _opEnd = new double[context.OpCount];
        _stall = new double[context.OpCount];
        _cause = new StallCause[context.OpCount];
        _memory = new long[context.OpCount];
        if (_host is not null) _hostForEvictions = _host.Capacity - PlannedHostBytes();
    }

    public SimulationResult Execute()
    {
        AwaitStart();
        Populate();
        QueuePrefetches(0);
        ulong before = Hash();
        double secondsBefore = double.NaN;
        double backlogBefore = 0;
        bool isSteady = false;
        for (int iteration = 0; GoesOn(iteration, isSteady); iteration++)
        {
            if (iteration > 0) Rebase();
            if (!RunIteration()) return Simulator.Infeasible(_context, _failure!);
            ulong after = Hash();
            double backlog = Backlog();
            // With transfers in flight the state is not only what can be hashed: then two equal durations and backlogs are asked for as well.
            isSteady = after == before && (_transfers.Count == 0 || (Math.Abs(_now - secondsBefore) <= 1e-9 * _now && Math.Abs(backlog - backlogBefore) <= 1e-9 * backlog));
            before = after;
            secondsBefore = _now;
            backlogBefore = backlog;
        }

        LeaveRanks();
        SimulationResult result = Report(isSteady);
        return _options.RecordTransfers ? result with { Transfers = FinishTransfers() } : result;
    }

    private bool RunIteration()
    {
        _ssd.BytesRead = _ssd.BytesWritten = 0;
        if (_host is not null) _host.BytesRead = _host.BytesWritten = 0;
        _unplanned = 0;
        _recomputeSeconds = 0;
        _overheadSeconds = 0;
        _recorded.Clear();
        _peak = _live;
        for (int op = 0; op < _context.OpCount; op++)
        {
            if (!RunOp(op)) return false;
        }

        EndIteration();
        return true;
    }

    private bool RunOp(int op)
    {
        double previousEnd = _now;
        double recomputeBefore = _recomputeSeconds;
        _waits.AsSpan().Clear();
        if (!RecomputeBefore(op) || !BeginOp(op)) return false;
        double waited = 0;
        double most = 0;
        var cause = StallCause.None;
        for (int i = 1; i < _waits.Length; i++)
        {
            waited += _waits[i];
            if (_waits[i] <= most) continue;
            most = _waits[i];
            cause = (StallCause)i;
        }

        _opStart[op] = _now;
        _stall[op] = waited;
        _cause[op] = cause;
        _memory[op] = _live + _context.BaselineBytes;
        Compute(_context.Seconds[op]);
        _opEnd[op] = _now;
        _overheadSeconds += _now - previousEnd - waited - _context.Seconds[op] - (_recomputeSeconds - recomputeBefore);
        EndOp(op);
        return true;
    }

    private SimulationResult Report(bool isSteady)
    {
        double stalls = 0;
        foreach (double seconds in _stall) stalls += seconds;
        return new SimulationResult
        {
            Feasible = true,
            IsSteady = isSteady,
            StepSeconds = _now,
            IdealSeconds = _context.IdealSeconds,
            StallSeconds = stalls,
            RecomputeSeconds = _recomputeSeconds,
            ComputeOverheadSeconds = Math.Max(0, _overheadSeconds),
            PeakBytes = _peak + _context.BaselineBytes,
            BytesRead = _ssd.BytesRead,
            BytesWritten = _ssd.BytesWritten,
            HostBytesRead = _host?.BytesRead ?? 0,
            HostBytesWritten = _host?.BytesWritten ?? 0,
            UnplannedMigrations = _unplanned,
            StallPerOp = _stall,
            StallCausePerOp = _cause,
            OpStart = _opStart,
            OpEnd = _opEnd,
            MemoryPerOp = _memory,
        };
    }

    /// <summary>Lets the transfers that cross the iteration's end come to theirs, without those of the next iteration beside them.</summary>
    private List<SimulatedTransfer> FinishTransfers()
    {
        _isFinished = true;
        while (_transfers.Count > 0) Step(NextEvent);
        _recorded.Sort(static (a, b) => a.Started != b.Started ? a.Started.CompareTo(b.Started) : a.Issued.CompareTo(b.Issued));
        return _recorded;
    }

    private double Backlog() => _ssd.Reads.Backlog() + _ssd.Writes.Backlog() + (_host is null ? 0 : _host.Reads.Backlog() + _host.Writes.Backlog());

    private ulong Hash()
    {
        ulong hash = 0xCBF29CE484222325;
        for (int piece = 0; piece < _state.Length; piece++) hash = (hash ^ ((uint)_state[piece] << 8 | (uint)_flags[piece])) * 0x100000001B3;
        for (int i = 0; i < _queue.Count; i++) hash = (hash ^ (uint)_queue[i]) * 0x100000001B3;
        hash = _ssd.Writes.Hash(_ssd.Reads.Hash(hash));
        if (_host is not null) hash = _host.Writes.Hash(_host.Reads.Hash(hash));
        return _idle.Hash(hash);
    }
}
