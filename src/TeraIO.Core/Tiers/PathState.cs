namespace TeraIO.Core.Tiers;

/// <summary>Whether a path of a store gets new bytes, and if not, why.</summary>
public enum PathState
{
    /// <summary>It takes its share.</summary>
    Open,

    /// <summary>So slow beside the others that tensors would wait for its stripes: it is probed until it is worth its share again.</summary>
    Slow,

    /// <summary>Its last transfers failed: it is probed until one succeeds.</summary>
    Failing,

    /// <summary><see cref="Storage.PathOptions.WriteLimit"/> is used up: it serves reads only.</summary>
    WornOut,
}
