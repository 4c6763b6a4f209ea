namespace TeraIO.Core.Tracing;

/// <summary>What an op does to a tensor. A combination.</summary>
[Flags]
public enum AccessKind : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reads its bytes: they must be in memory.</summary>
    Read = 1,

    /// <summary>Changes its bytes: they must be in memory, and a copy in the store is stale afterwards.</summary>
    Write = 2,

    /// <summary>Its memory is allocated during the op; what is in it was made by the op. Needs no bytes from before.</summary>
    Create = 4,

    /// <summary>Its memory is freed after the op and before the next. Alone it needs no bytes in memory.</summary>
    Free = 8,
}

/// <summary>One op's use of one tensor; an op has at most one per tensor.</summary>
/// <param name="Tensor">Index into <see cref="Trace.Tensors"/>.</param>
/// <param name="Kind">All that the op does to it.</param>
public readonly record struct TraceAccess(int Tensor, AccessKind Kind)
{
    /// <summary>The op needs the tensor's bytes, or the room for them, in memory.</summary>
    public bool IsUse => (Kind & (AccessKind.Read | AccessKind.Write | AccessKind.Create)) != 0;

    /// <summary>The op leaves other bytes behind than it found: a copy in the store is stale.</summary>
    public bool MakesDirty => (Kind & (AccessKind.Write | AccessKind.Create)) != 0;

    /// <summary>The op needs the bytes from before.</summary>
    public bool NeedsBytes => (Kind & (AccessKind.Read | AccessKind.Write)) != 0 && (Kind & AccessKind.Create) == 0;
}
