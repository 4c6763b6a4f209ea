namespace TeraIO.Planner.Simulation;

/// <summary>Where the bytes of a piece are: the engine's residency states, and one more for what is to be computed again.</summary>
internal enum PieceState : byte
{
    /// <summary>Does not exist.</summary>
    Dead,

    /// <summary>In memory.</summary>
    Resident,

    /// <summary>In memory and being written.</summary>
    Offloading,

    /// <summary>In a tier only.</summary>
    Away,

    /// <summary>Has memory, which is being filled.</summary>
    Prefetching,

    /// <summary>Nowhere; the op that made it can make it again.</summary>
    Discarded,
}

/// <summary>More about a piece. A combination.</summary>
[Flags]
internal enum PieceFlags : byte
{
    None = 0,

    /// <summary>The SSD holds these very bytes.</summary>
    OnSsd = 1,

    /// <summary>Host memory holds these very bytes.</summary>
    OnHost = 2,

    /// <summary>The running op needs it.</summary>
    Pinned = 4,

    /// <summary>A prefetch was asked for while its write was under way.</summary>
    WantedBack = 8,

    /// <summary>It changed while its write was under way.</summary>
    Stale = 16,

    /// <summary>Host memory has, or is getting, it because of an eviction that the plan does not have.</summary>
    EvictedToHost = 32,

    /// <summary>It is in one of the tiers.</summary>
    AnyCopy = OnSsd | OnHost,
}
