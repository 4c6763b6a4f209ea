using TeraIO.Core.Plans;
using TeraIO.Core.Residency;

namespace TeraIO.Core.Runtime.Planned;

/// <summary>
/// Follows the op stream of a step along known programs and issues what their plans say at each op. A stream that departs from the program is
/// on demand from there on, until it begins like another program, comes back to a place that is known, or the next step begins.
/// Guarded by the engine's lock.
/// </summary>
internal sealed class PlanFollower(EngineState state, Migrator migrator) : IEvictionPreference
{
    private readonly List<PlannedProgram> _programs = [];
    private PlannedProgram? _program;
    private ulong _prefix;
    private int _position;
    private long _opsSeen;
    private bool _isFollowing;
    private bool _wholeStepMatched;

    /// <summary>Known programs; at most <see cref="MostPrograms"/>, the least recently added goes first.</summary>
    public const int MostPrograms = 6;

    /// <summary>The program that is, or was last, followed.</summary>
    public PlannedProgram? Program => _program;

    /// <summary>Times that a stream departed from its program.</summary>
    public long Divergences { get; private set; }

    /// <summary>Whether the step that ran was the whole program and nothing else.</summary>
    public bool MatchedWholeProgram => _isFollowing && _wholeStepMatched && _program is { } p && _position == p.Length;

    /// <inheritdoc/>
    public bool IsKnown => _isFollowing && _program!.Plan.EvictionOrder == EvictionOrder.FarthestNextUse;

    /// <inheritdoc/>
    public long DistanceToNextUse(TensorBlock block) =>
        block.PlanTensor < 0 ? long.MaxValue : _program!.DistanceToNextUse(block.PlanTensor, _position);

    /// <inheritdoc/>
    public long NextUse(TensorBlock block)
    {
        if (!_isFollowing || block.PlanTensor < 0) return long.MaxValue;
        // Not the op at this position: it runs with the block in memory, or has ended.
        long distance = _program!.DistanceToNextUse(block.PlanTensor, _position + 1);
        return distance == long.MaxValue ? distance : _opsSeen + 1 + distance;
    }

    /// <summary>Adds a program and makes it the current one from the next step on.</summary>
    public void Add(PlannedProgram program)
    {
        if (_programs.Count == MostPrograms) _programs.RemoveAt(0);
        _programs.Add(program);
        Switch(program);
        _isFollowing = false;
    }

    /// <summary>Gives the current program another plan.</summary>
    public void SetPlan(MigrationPlan plan)
    {
        _program!.SetPlan(plan);
        ReserveHostMemory();
    }

    /// <summary>A step begins.</summary>
    public void Begin()
    {
        _position = 0;
        _prefix = 0;
        _isFollowing = _program is not null;
        _wholeStepMatched = _isFollowing;
        ReserveRoom();
    }

    /// <summary>What follows belongs to no step.</summary>
    public void End()
    {
        _isFollowing = false;
        state.RoomForOp = 0;
    }

    /// <summary>The running op allocated what the plan had reserved room for.</summary>
    public void Allocated(TensorBlock block) => state.RoomForOp = Math.Max(0, state.RoomForOp - block.Bytes);

    /// <summary>An op ended: issues what the plan has after it and before the next.</summary>
    public void OpEnded(StepRecord record)
    {
        _opsSeen++;
        if (_program is null) return;
        int op = record.Ops.Count - 1;
        ulong signature = record.Ops[op].Signature;
        _prefix = StepRecord.Combine(_prefix, signature);
        if (_isFollowing && !_program.Expects(_position, signature)) Depart(record);
        else if (!_isFollowing) ComeBack(record);
        if (!_isFollowing) return;
        _program.Bind(_position, record.EventsOf(op));
        Issue(_position);
        _position++;
        ReserveRoom();
    }

    private void Depart(StepRecord record)
    {
        int count = record.Ops.Count;
        if (_wholeStepMatched && _programs.Find(p => p.BeginsWith(count, _prefix)) is { } other)
        {
            Switch(other);
            _position = count - 1;
            return;
        }

        Divergences++;
        _isFollowing = false;
        _wholeStepMatched = false;
        state.RoomForOp = 0;
        migrator.ForgetPrefetches();
    }

    private void ComeBack(StepRecord record)
    {
        int place = _program!.FindPlace(record, _position);
        if (place < 0) return;
        for (int back = PlannedProgram.Landmark; back > 1; back--) _program.Bind(place - back, record.EventsOf(record.Ops.Count - back));
        _position = place - 1; // the op that just ended
        _isFollowing = true;
    }

    private void Switch(PlannedProgram program)
    {
        _program = program;
        program.Claim(state.Blocks.Values);
        ReserveHostMemory();
    }

    private void ReserveHostMemory() => state.Store!.SetPlannedHostBytes(_program!.HostBytes);

    private void Issue(int op)
    {
        foreach (TieredTensor offload in _program!.OffloadsAfter(op))
        {
            if (_program.BlockOf(offload.Tensor) is { } block) migrator.RequestOffload(block, offload.Target);
        }

        int next = op + 1 == _program.Length ? 0 : op + 1;
        foreach (TieredTensor prefetch in _program.PrefetchesBefore(next))
        {
            if (_program.BlockOf(prefetch.Tensor) is { } block) migrator.RequestPrefetch(block);
        }

        migrator.RoomChanged();
    }

    private void ReserveRoom() => state.RoomForOp = _isFollowing && _position < _program!.Length ? _program.RoomOfOp(_position) : 0;
}
