namespace TeraIO.Core.Storage;

/// <summary>Which tier a write is for.</summary>
internal enum WriteTarget
{
    /// <summary>Host memory while it has room beside what plans have for it, else the paths.</summary>
    Any,

    /// <summary>Host memory, by a plan; the paths where it has no room.</summary>
    Host,

    /// <summary>The paths, by a plan.</summary>
    Paths,
}

/// <summary>What the caller of a write knows of the bytes' future.</summary>
/// <param name="Target">Where they should wait.</param>
/// <param name="NextUse">When the program needs them next, in ops since it began; <see cref="long.MaxValue"/> when nobody knows.</param>
internal readonly record struct WriteHint(WriteTarget Target, long NextUse)
{
    public static WriteHint None => new(WriteTarget.Any, long.MaxValue);
}
