using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Reports;

/// <summary>Says for each idle period of a tensor whether a plan moves it, and if not, why it need not or cannot. Immutable and thread-safe.</summary>
public sealed class PlanExplainer
{
    private readonly Trace _trace;
    private readonly MachineModel? _machine;
    private readonly double[] _secondsBefore; // of the ops before each; one more than ops
    private readonly Dictionary<int, List<PlannedMigration>>? _migrations;

    /// <param name="trace">One steady iteration.</param>
    /// <param name="plan">Its plan, if there is one.</param>
    /// <param name="machine">Budget and tiers, if they are known.</param>
    public PlanExplainer(Trace trace, MigrationPlan? plan, MachineModel? machine)
    {
        ArgumentNullException.ThrowIfNull(trace);
        _trace = trace;
        _machine = machine;
        Lifetimes = TraceLifetimes.Of(trace);
        _secondsBefore = new double[trace.Ops.Length + 1];
        for (int op = 0; op < trace.Ops.Length; op++) _secondsBefore[op + 1] = _secondsBefore[op] + trace.Ops[op].Seconds;
        if (plan is null) return;
        _migrations = [];
        foreach (PlannedMigration migration in plan.Migrations)
        {
            if (!_migrations.TryGetValue(migration.Tensor, out List<PlannedMigration>? list)) _migrations.Add(migration.Tensor, list = []);
            list.Add(migration);
        }
    }

    /// <summary>Lifetimes and idle periods of the trace.</summary>
    public TraceLifetimes Lifetimes { get; }

    /// <summary>The idle periods of a tensor, in their order.</summary>
    public IReadOnlyList<PeriodExplanation> Of(int tensor)
    {
        TensorLifetime life = Lifetimes.Tensors[tensor];
        var periods = new PeriodExplanation[life.PeriodCount];
        for (int i = 0; i < periods.Length; i++) periods[i] = Explain(Lifetimes.Periods[life.FirstPeriod + i]);
        return periods;
    }

    /// <summary>Of several periods the one that tells most about the tensor: one that moves, else the longest.</summary>
    public static PeriodExplanation? MostTelling(IReadOnlyList<PeriodExplanation> periods)
    {
        ArgumentNullException.ThrowIfNull(periods);
        return periods.OrderByDescending(static p => p.MovedBytes > 0).ThenByDescending(static p => p.IdleSeconds).FirstOrDefault();
    }

    private PeriodExplanation Explain(InactivePeriod period)
    {
        (int? leaves, int? returns, long moved, long written) = MovesIn(period);
        double idle = SecondsOf(period);
        long? excess = _machine is null ? null : MostExcess(period, _machine.MemoryBudget);
        double? roundTrip = _machine is null ? null : RoundTrip(period, _machine.Storage);
        return new PeriodExplanation(period, idle, excess, roundTrip, leaves, returns, moved, written, Reason(period, idle, excess, roundTrip, moved > 0));
    }

    private StayReason Reason(InactivePeriod period, double idle, long? excess, double? roundTrip, bool moves)
    {
        if (moves) return StayReason.Moves;
        if (!_trace.Tensors[period.Tensor].IsMovable) return StayReason.NotMovable;
        if (excess is null || roundTrip is null) return StayReason.Unknown;
        if (excess == 0) return StayReason.EverythingFits;
        return roundTrip > idle ? StayReason.TooShort : _migrations is null ? StayReason.Unknown : StayReason.OthersMakeRoom;
    }

    private static double RoundTrip(InactivePeriod period, TierModel storage) =>
        (period.IsDirty ? storage.LatencySeconds + (period.Bytes / storage.WriteBandwidth) : 0)
        + (period.IsRead ? storage.LatencySeconds + (period.Bytes / storage.ReadBandwidth) : 0);

    private (int? Leaves, int? Returns, long Moved, long Written) MovesIn(InactivePeriod period)
    {
        int? leaves = null;
        int? returns = null;
        long moved = 0;
        long written = 0;
        if (_migrations?.TryGetValue(period.Tensor, out List<PlannedMigration>? own) != true) return default;
        foreach (PlannedMigration migration in own!)
        {
            int after = Distance(period.StartOp, migration.IssueOp);
            if (migration.Kind is MigrationKind.Offload or MigrationKind.Discard)
            {
                if (after > period.IdleOps) continue;
                leaves ??= migration.IssueOp;
                moved += migration.Bytes;
                if (migration.Writes) written += migration.Bytes;
            }
            else if (after >= 1 && after <= period.IdleOps + 1)
            {
                returns ??= migration.IssueOp;
            }
        }

        return (leaves, returns, moved, written);
    }

    private double SecondsOf(InactivePeriod period)
    {
        int ops = _trace.Ops.Length;
        int first = (period.StartOp + 1) % ops;
        int end = first + period.IdleOps;
        return end <= ops ? _secondsBefore[end] - _secondsBefore[first] : _secondsBefore[ops] - _secondsBefore[first] + _secondsBefore[end - ops];
    }

    private long MostExcess(InactivePeriod period, long budget)
    {
        long most = 0;
        for (int i = 1; i <= period.IdleOps; i++) most = Math.Max(most, Lifetimes.LiveBytes[(period.StartOp + i) % _trace.Ops.Length] - budget);
        return most;
    }

    private int Distance(int from, int to) => to >= from ? to - from : to - from + _trace.Ops.Length;
}
