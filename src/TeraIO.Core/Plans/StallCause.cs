namespace TeraIO.Core.Plans;

/// <summary>Why an op began later than the one before it ended.</summary>
public enum StallCause
{
    /// <summary>It did not.</summary>
    None,

    /// <summary>A planned prefetch of an input had not ended.</summary>
    LatePrefetch,

    /// <summary>An input was away and nobody had asked for it.</summary>
    OnDemandRead,

    /// <summary>There was no room for what the op creates or brings back: writes had to end first.</summary>
    NoRoom,
}
