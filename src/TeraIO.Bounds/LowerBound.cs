using TeraIO.Core;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace TeraIO.Bounds;

/// <summary>
/// What no plan can beat: the least traffic and the least time of a steady iteration under a budget, for ops in their order and without recomputing. Linear
/// programs over bytes instead of whole tensors; <c>docs/bounds.md</c> has the programs and why they are lower bounds. Thread-safe.
/// </summary>
public static class LowerBound
{
    private const int FirstCheckpoints = 64;
    private const int StepOfCheckpoints = 4;

    /// <summary>Computes the bound.</summary>
    /// <param name="trace">One steady iteration.</param>
    /// <param name="machine">Budget and tiers.</param>
    /// <param name="options">How much work it is worth; null for the defaults.</param>
    /// <exception cref="ConfigurationException">The machine or the options are not usable.</exception>
    public static LowerBoundResult Compute(Trace trace, MachineModel machine, LowerBoundOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(machine);
        options ??= new LowerBoundOptions();
        MachineCheck.Validate(machine);
        if (options.MaxCheckpoints < 2) throw new ConfigurationException($"A bound needs at least 2 checkpoints; MaxCheckpoints is {options.MaxCheckpoints}.");
        var clock = Stopwatch.StartNew();
        var demand = new MemoryDemand(trace);
        if (demand.WhyInfeasible(trace, machine.MemoryBudget) is { } reason)
            return new LowerBoundResult { Feasible = false, InfeasibleReason = reason, SmallestBudget = demand.SmallestBudget };
        var result = new LowerBoundResult
        {
            Feasible = true,
            SmallestBudget = demand.SmallestBudget,
            StepSeconds = trace.IdealSeconds,
            IdealSeconds = trace.IdealSeconds,
            TrafficSeconds = trace.IdealSeconds,
            Active = ActiveBound.Compute,
            SolverStatus = "OPTIMAL",
            IsExact = true,
        };
        long[] excess = demand.Excess(machine.MemoryBudget);
        if (excess.Max() > 0) result = Refine(trace, machine, options, excess, result, clock);
        return result with { SolveSeconds = clock.Elapsed.TotalSeconds };
    }

    /// <summary>Coarse first, so that there is an answer when time runs out; then finer while the next one can be expected to end in time.</summary>
    private static LowerBoundResult Refine(Trace trace, MachineModel machine, LowerBoundOptions options, long[] excess, LowerBoundResult result, Stopwatch clock)
    {
        List<IdlePeriod> periods = IdlePeriods.Of(trace);
        for (int most = Math.Min(FirstCheckpoints, options.MaxCheckpoints); ; most = Math.Min(most * StepOfCheckpoints, options.MaxCheckpoints))
        {
            TimeSpan begun = clock.Elapsed;
            var checkpoints = Checkpoints.Choose(trace, excess, most);
            List<PeriodGroup> groups = PeriodGroup.Of(trace, periods, checkpoints);
            result = Solve(trace, machine, excess, checkpoints, groups, result, () => options.TimeLimit - clock.Elapsed);
            TimeSpan expected = (clock.Elapsed - begun) * 2 * StepOfCheckpoints;
            if (checkpoints.IsExact || most == options.MaxCheckpoints || clock.Elapsed + expected > options.TimeLimit) return result;
        }
    }

    private static LowerBoundResult Solve(
        Trace trace, MachineModel machine, long[] excess, Checkpoints checkpoints, List<PeriodGroup> groups, LowerBoundResult before, Func<TimeSpan> left)
    {
        var traffic = new TrafficProgram(trace, machine, groups, checkpoints, excess);
        double trafficSeconds = Math.Max(before.TrafficSeconds, traffic.Seconds(left(), out string status));
        long read = traffic.BytesRead(left()), written = traffic.BytesWritten(left()), moved = traffic.BytesMoved(left());
        double stalls = new StallProgram(trace, machine, groups, checkpoints, excess).Seconds(left(), out string stallStatus);
        if (stallStatus != "OPTIMAL") status = stallStatus;
        double step = Math.Max(before.StepSeconds, Math.Max(trafficSeconds, stalls));
        bool isFiner = stallStatus == "OPTIMAL";
        return before with
        {
            StepSeconds = step,
            TrafficSeconds = trafficSeconds,
            BytesRead = Math.Max(before.BytesRead, read),
            BytesWritten = Math.Max(before.BytesWritten, written),
            BytesMoved = Math.Max(before.BytesMoved, moved),
            Active = Argument(step, trafficSeconds, trace.IdealSeconds),
            SolverStatus = status,
            IsExact = isFiner && checkpoints.IsExact,
            Checkpoints = isFiner ? checkpoints.Count : before.Checkpoints,
        };
    }

    private static ActiveBound Argument(double step, double traffic, double ideal)
    {
        double tolerance = ideal * 1e-9;
        if (step <= ideal + tolerance) return ActiveBound.Compute;
        return traffic >= step - tolerance ? ActiveBound.Traffic : ActiveBound.Stalls;
    }
}
