using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Reports;

/// <summary>One idle period of a tensor, and what becomes of it.</summary>
/// <param name="Period">The period.</param>
/// <param name="IdleSeconds">Seconds of the ops in it.</param>
/// <param name="MostExcessBytes">Most bytes over the budget at an op of the period, with everything in memory; 0 when it all fits, null without a budget.</param>
/// <param name="RoundTripSeconds">Least seconds for leaving and coming back on an idle SSD; null without bandwidths.</param>
/// <param name="LeavesAfterOp">The op after which the plan lets it go; null when it stays or there is no plan.</param>
/// <param name="ReturnsBeforeOp">The op before which the plan calls it back; null when it does not.</param>
/// <param name="MovedBytes">Bytes of it that leave: fewer than the tensor's when only a part does.</param>
/// <param name="WrittenBytes">Bytes of those that are written; the rest is clean and only dropped.</param>
/// <param name="Reason">Why it stays, or that it moves.</param>
public sealed record PeriodExplanation(
    InactivePeriod Period,
    double IdleSeconds,
    long? MostExcessBytes,
    double? RoundTripSeconds,
    int? LeavesAfterOp,
    int? ReturnsBeforeOp,
    long MovedBytes,
    long WrittenBytes,
    StayReason Reason);
