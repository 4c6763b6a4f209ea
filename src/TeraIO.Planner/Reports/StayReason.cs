namespace TeraIO.Planner.Reports;

/// <summary>Why a tensor stays in memory during an idle period.</summary>
public enum StayReason
{
    /// <summary>It does not stay: the plan moves it.</summary>
    Moves,

    /// <summary>The trace says that it cannot leave memory.</summary>
    NotMovable,

    /// <summary>Everything fits the budget during the period, this tensor included.</summary>
    EverythingFits,

    /// <summary>Leaving and coming back take longer than the period lasts: an op would wait.</summary>
    TooShort,

    /// <summary>It could move, but others make the room that is needed.</summary>
    OthersMakeRoom,

    /// <summary>No budget or bandwidth was given, so nothing can be said.</summary>
    Unknown,
}
