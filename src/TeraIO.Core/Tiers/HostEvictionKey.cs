namespace TeraIO.Core.Tiers;

/// <summary>What it costs to take a copy out of host memory; smaller values go first.</summary>
internal enum HostEvictionCost
{
    /// <summary>Nothing: memory has the bytes, or newer ones.</summary>
    Spare,

    /// <summary>The paths have them: it is read from there.</summary>
    Clean,

    /// <summary>They must be written to the paths first.</summary>
    Dirty,

    /// <summary>As <see cref="Dirty"/>, and the paths refused them before.</summary>
    Refused,
}

/// <summary>Who leaves host memory first: what costs least; then what is needed latest, where a plan tells; then the least recently used.</summary>
/// <param name="Cost">Of leaving.</param>
/// <param name="NextUse"><see cref="HostCopy.NextUse"/>.</param>
/// <param name="LastUse">Rises with every use, over all copies; unique.</param>
internal readonly record struct HostEvictionKey(HostEvictionCost Cost, long NextUse, long LastUse) : IComparable<HostEvictionKey>
{
    public int CompareTo(HostEvictionKey other)
    {
        int order = Cost.CompareTo(other.Cost);
        if (order == 0) order = other.NextUse.CompareTo(NextUse);
        return order != 0 ? order : LastUse.CompareTo(other.LastUse);
    }
}
