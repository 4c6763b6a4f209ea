namespace TeraIO.Core.Plans;

/// <summary>What a migration does.</summary>
public enum MigrationKind
{
    /// <summary>Bytes leave memory; issued when <see cref="PlannedMigration.IssueOp"/> has ended.</summary>
    Offload,

    /// <summary>Bytes come back; issued before <see cref="PlannedMigration.IssueOp"/> begins.</summary>
    Prefetch,

    /// <summary>Bytes are dropped and will be computed again by the op that made them; simulator only. Issued like an offload.</summary>
    Discard,

    /// <summary>A discarded tensor is computed again; simulator only. Runs before <see cref="PlannedMigration.IssueOp"/>.</summary>
    Recompute,
}

/// <summary>Where bytes wait.</summary>
public enum MemoryTier
{
    /// <summary>Files on SSD.</summary>
    Ssd,

    /// <summary>Host memory beside a device's own.</summary>
    Host,
}

/// <summary>Which idle tensor leaves first when room is needed that the plan did not provide.</summary>
public enum EvictionOrder
{
    /// <summary>The one whose last use is longest ago.</summary>
    LeastRecentlyUsed,

    /// <summary>The one whose next use, by the trace, is farthest ahead (Belady's rule); among equals a clean one.</summary>
    FarthestNextUse,
}

/// <summary>One step of a plan: a tensor, or a part of it, moves.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="Tensor">Index into the trace's tensors.</param>
/// <param name="Offset">First byte of the part that moves; 0 for whole tensors.</param>
/// <param name="Bytes">Bytes that move; the tensor's size for whole tensors.</param>
/// <param name="Tier">Where to, or where from.</param>
/// <param name="Writes">For an offload: false when the tier holds these very bytes already, so that memory is only dropped.</param>
/// <param name="IssueOp">The op that triggers it; see <see cref="MigrationKind"/>.</param>
/// <param name="DeadlineOp">
/// The op before which it must have ended: for a prefetch the next use, for an offload the op that needs the room. May be smaller than
/// <paramref name="IssueOp"/>: then it lies in the next iteration.
/// </param>
public readonly record struct PlannedMigration(
    MigrationKind Kind, int Tensor, long Offset, long Bytes, MemoryTier Tier, bool Writes, int IssueOp, int DeadlineOp);
