using System.Diagnostics;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Core.Runtime.Planned;

/// <summary>What a planner is given after a step.</summary>
/// <param name="Profile">The steady step, with op durations of steps in which no transfer ran beside an op.</param>
/// <param name="Trace">The same step as the current plan makes it: what transfers take from the ops is in their durations.</param>
/// <param name="Current">The plan that ran; null when the step ran on demand.</param>
/// <param name="StepSeconds">Seconds of the step, stalls included.</param>
/// <param name="StallSeconds">Seconds that its ops waited.</param>
/// <param name="IsTimed">The last two are by the clock of what runs the ops. If not, the ops run on a device and the host's clock took them, which knows nothing of the device's waits.</param>
internal sealed record PlanRequest(Trace Profile, Trace Trace, MigrationPlan? Current, double StepSeconds, double StallSeconds, bool IsTimed = true);

/// <summary>
/// Planned mode: records each step, takes two equal steps for a steady state, has it planned, and follows the plan from the next step
/// on. While it runs by the plan it measures, and asks for a better plan as long as that helps. A step that departs is on demand from there on; when
/// the departed stream repeats, it becomes a program of its own.
/// </summary>
internal sealed class PlannedRun : IOpStream, IDisposable
{
    private readonly EngineState _state;
    private readonly Migrator _migrator;
    private readonly PlanFollower _follower;
    private readonly Func<PlanRequest, MigrationPlan?> _planner;
    private readonly List<StepRecord> _recent = []; // steps without a plan, the latest last
    private StepRecord _record = new();
    private long _steps;
    private readonly DeviceOpTimes? _deviceTimes; // null where ops run on the host
    private int _stepsOfPlan; // whole steps in a row by the same plan
    private bool _isInStep;
    private bool _isProfiled;

    /// <summary>So many kinds of steps may take turns and still be recognised.</summary>
    private const int MostRecent = 4;

    /// <param name="state">The engine's.</param>
    /// <param name="planner">Gives a plan, or null to leave things as they are. Called between steps, on the training thread, without the engine's lock.</param>
    public PlannedRun(EngineState state, Func<PlanRequest, MigrationPlan?> planner)
    {
        _state = state;
        _planner = planner;
        _deviceTimes = state.Kernels is { } kernels ? new DeviceOpTimes(kernels) : null;
        _migrator = new Migrator(state);
        _follower = new PlanFollower(state, _migrator);
        state.Migrator = _migrator;
        state.Preference = _follower;
    }

    /// <summary>Steps that ran from first to last op by a plan.</summary>
    public long PlannedSteps { get; private set; }

    /// <summary>Times that a step departed from its plan.</summary>
    public long Divergences => _follower.Divergences;

    /// <summary>Planned transfers that failed, with no harm done.</summary>
    public int FailedMigrations => _migrator.Failures;

    /// <summary>How the latest steps differ, in words; null when they are the same.</summary>
    public string? LastDifference { get; private set; }

    /// <summary>The trace of the current program; null before there is one.</summary>
    public Trace? Trace => _follower.Program?.Trace;

    /// <summary>The plan of the current program; null before there is one.</summary>
    public MigrationPlan? Plan => _follower.Program?.Plan;

    /// <summary>Time spent in planning so far.</summary>
    public TimeSpan PlanningTime { get; private set; }

    /// <summary>Stalls of the last whole step, op by op.</summary>
    public IReadOnlyList<StallOfOp> LastStalls { get; private set; } = [];

    /// <summary>A step begins; one that runs ends.</summary>
    public void BeginStep()
    {
        EndStep();
        lock (_state.Sync)
        {
            _state.Stalls.TakeOp();
            _isInStep = true;
            BeginProfile();
            _record.Begin(++_steps);
            _follower.Begin();
        }
    }

    /// <summary>The step ends: what comes until the next one belongs to none. Plans, if there is something to plan. Does nothing when no step runs.</summary>
    public void EndStep()
    {
        bool byPlan;
        DeviceOpTimes? times;
        lock (_state.Sync)
        {
            if (!_isInStep) return;
            _isInStep = false;
            _record.End();
            byPlan = _follower.MatchedWholeProgram;
            _follower.End();
            times = _state.OpTimes;
            times?.End();
            _state.OpTimes = null;
        }

        if (times is not null) TakeDeviceTimes(times);
        LastStalls = StallsOf(_record);

        if (_record.Ops.Count == 0) return;
        if (byPlan) AfterPlannedStep();
        else AfterOnDemandStep();
    }

    /// <inheritdoc/>
    public void Used(TensorBlock block, bool isWritten)
    {
        if (_isInStep) _record.Used(block, isWritten);
    }

    /// <inheritdoc/>
    public void Allocated(TensorBlock block)
    {
        if (!_isInStep) return;
        _record.Allocated(block);
        _follower.Allocated(block);
    }

    /// <inheritdoc/>
    public void Freed(TensorBlock block)
    {
        if (_isInStep) _record.Freed(block);
    }

    /// <inheritdoc/>
    public void OpEnded(OpIdentity op)
    {
        if (!_isInStep) return;
        (long ticks, StallCause cause) = _state.Stalls.TakeOp();
        _record.OpEnded(op, ticks, cause);
        _state.OpTimes?.OpEnded();
        _record.BaselineBytes = Math.Max(_record.BaselineBytes, _state.Memory.LiveBytes - _state.InMemoryBytes);
        _follower.OpEnded(_record);
    }

    /// <summary>Ends the transfers in flight; everything is on demand from here on.</summary>
    public void Dispose()
    {
        lock (_state.Sync)
        {
            _isInStep = false;
            _follower.End();
            _state.Preference = null;
            _state.OpTimes = null;
        }

        _migrator.Dispose();
        _deviceTimes?.Dispose();
    }

    /// <summary>
    /// On a device times cost an event per op and a wait for the device at the end of the step, so that only steps that somebody plans with have them: those on demand, and by each plan as many as its durations
    /// are taken from.
    /// </summary>
    private void BeginProfile()
    {
        _isProfiled = _deviceTimes is null || _stepsOfPlan < OpDurations.Window;
        if (_deviceTimes is null || !_isProfiled) return;
        _state.OpTimes = _deviceTimes;
        _deviceTimes.Begin();
    }

    private void TakeDeviceTimes(DeviceOpTimes times)
    {
        if (times.Collect() is not { } taken)
        {
            _isProfiled = false;
            return;
        }

        _record.TakeDeviceTimes(taken.Ops, taken.Step);
        lock (_state.Sync)
        {
            _state.TimedStreamWaits += taken.StreamWaits;
            _state.StreamWaitTime += taken.StreamWaitTime;
        }
    }

    private void AfterOnDemandStep()
    {
        _stepsOfPlan = 0;
        LastDifference = _recent.Count == 0 ? null : StepDifference.Find(_recent[^1], _record);
        int same = _recent.FindIndex(earlier => StepDifference.Find(earlier, _record) is null);
        // The host's times are none to plan with where the ops run on a device.
        if (same < 0 || !_isProfiled)
        {
            Remember();
            return;
        }

        PlannedProgram program;
        lock (_state.Sync) program = new PlannedProgram(_record, $"step {_record.Number}");
        _recent.RemoveAt(same);
        if (Ask(new PlanRequest(program.Trace, program.Trace, null, Seconds(_record.WallTicks), StallSeconds())) is not { } plan) return;
        lock (_state.Sync)
        {
            program.SetPlan(plan);
            _follower.Add(program);
        }
    }

    private void AfterPlannedStep()
    {
        LastDifference = null;
        PlannedSteps++;
        PlannedProgram program = _follower.Program!;
        _stepsOfPlan++;
        if (_isProfiled) program.NoteDurations(_record);
        if (Ask(new PlanRequest(program.Trace, program.TraceByPlan, program.Plan, Seconds(_record.WallTicks), StallSeconds(), _isProfiled)) is not { } plan) return;
        _stepsOfPlan = 0;
        lock (_state.Sync) _follower.SetPlan(plan);
    }

    /// <summary>Keeps the record for comparisons; the oldest one makes place and is used again.</summary>
    private void Remember()
    {
        _recent.Add(_record);
        if (_recent.Count <= MostRecent)
        {
            _record = new StepRecord();
            return;
        }

        _record = _recent[0];
        _recent.RemoveAt(0);
    }

    private MigrationPlan? Ask(PlanRequest request)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            return _planner(request);
        }
        finally
        {
            PlanningTime += Stopwatch.GetElapsedTime(start);
        }
    }

    private double StallSeconds()
    {
        long ticks = 0;
        foreach (RecordedOp op in _record.Ops) ticks += op.StallTicks;
        return Seconds(ticks);
    }

    private static double Seconds(long ticks) => ticks / (double)Stopwatch.Frequency;

    private static List<StallOfOp> StallsOf(StepRecord record)
    {
        var stalls = new List<StallOfOp>();
        for (int op = 0; op < record.Ops.Count; op++)
        {
            RecordedOp recorded = record.Ops[op];
            if (recorded.StallTicks > 0) stalls.Add(new StallOfOp(op, recorded.Identity.Name, Stopwatch.GetElapsedTime(0, recorded.StallTicks), recorded.StallCause));
        }

        return stalls;
    }
}
