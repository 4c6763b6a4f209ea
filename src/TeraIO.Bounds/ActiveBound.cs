namespace TeraIO.Bounds;

/// <summary>Which argument gives the bound on the step.</summary>
public enum ActiveBound
{
    /// <summary>The ops alone take that long.</summary>
    Compute,

    /// <summary>The bytes that must move take that long, even if they could move at any time.</summary>
    Traffic,

    /// <summary>The bytes that must move have to do so in periods that are too short.</summary>
    Stalls,
}
