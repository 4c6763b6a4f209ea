using TeraIO.Core.Storage;

namespace TeraIO.Core.Tiers;

/// <summary>A tensor's place in host memory. Guarded by the tier's lock; the offsets never change.</summary>
/// <param name="copy">Whose bytes these are.</param>
/// <param name="offsets">For each stripe of the copy where it begins in the region.</param>
/// <param name="bytes">Bytes taken, padding included.</param>
internal sealed class HostCopy(StoredCopy copy, long[] offsets, long bytes)
{
    public StoredCopy Copy { get; } = copy;

    public long[] Offsets { get; } = offsets;

    public long Bytes { get; } = bytes;

    /// <summary>Transfers that use the memory: it stays as long as there is any.</summary>
    public int Users { get; set; }

    /// <summary>A plan put it here.</summary>
    public bool IsPlanned { get; set; }

    /// <summary>When the program needs it next, in ops since it began; <see cref="long.MaxValue"/> when nobody knows.</summary>
    public long NextUse { get; set; } = long.MaxValue;

    /// <summary>A spill of it failed on every path.</summary>
    public bool HasFailedSpill { get; set; }

    /// <summary>The copy under way to the paths; null: none.</summary>
    public HostSpill? Spill { get; set; }

    /// <summary>Its place in the order of eviction while it is listed there.</summary>
    public HostEvictionKey Key { get; set; }
}
