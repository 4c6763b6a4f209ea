using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Output;

/// <summary>Why tensors move or stay, in words.</summary>
internal static class Explanations
{
    /// <summary>For a row of a table.</summary>
    public static string Short(PeriodExplanation? period) => period is null ? "stays: never idle" : period.Reason switch
    {
        StayReason.Moves when period.MovedBytes < period.Period.Bytes => "moves in part",
        StayReason.Moves when period.WrittenBytes == 0 => "moves, clean",
        StayReason.Moves => "moves",
        StayReason.NotMovable => "stays: fixed",
        StayReason.EverythingFits => "stays: all fits",
        StayReason.TooShort => "stays: idle too short",
        StayReason.OthersMakeRoom => "stays: others leave",
        _ => "idle",
    };

    /// <summary>A sentence for one idle period.</summary>
    public static string Sentence(PeriodExplanation period)
    {
        string roundTrip = period.RoundTripSeconds is { } seconds ? Figures.Seconds(seconds) : "?";
        string idle = Figures.Seconds(period.IdleSeconds);
        return period.Reason switch
        {
            StayReason.Moves => Moves(period),
            StayReason.NotMovable => "Stays: the trace says that it cannot leave memory.",
            StayReason.EverythingFits => "Stays: with it everything fits the budget at every op of the period.",
            StayReason.TooShort => $"Stays: leaving and coming back take {roundTrip}, longer than the {idle} that it is idle.",
            StayReason.OthersMakeRoom => $"Stays: it could move ({idle} idle, {roundTrip} there and back), but the plan frees what is needed, at most {Figures.Bytes(period.MostExcessBytes!.Value)}, with other tensors.",
            _ when period.MostExcessBytes is > 0 => $"Could move: {idle} idle, {roundTrip} there and back, {Figures.Bytes(period.MostExcessBytes.Value)} over the budget. Add --plan to see what a plan does.",
            _ => "Add --budget and bandwidths, and a --plan, to see whether it moves.",
        };
    }

    private static string Moves(PeriodExplanation period)
    {
        string part = period.MovedBytes < period.Period.Bytes ? $"{Figures.Bytes(period.MovedBytes)} of it leave" : "Leaves";
        string cost = period.WrittenBytes == 0 ? "dropped without a write, the store holds the same bytes" : $"{Figures.Bytes(period.WrittenBytes)} written";
        string back = period.ReturnsBeforeOp is { } op ? $"called back before op {op}" : period.Period.IsRead ? "read when it is needed" : "freed without coming back";
        return $"{part} after op {period.LeavesAfterOp} ({cost}); {back}.";
    }
}
