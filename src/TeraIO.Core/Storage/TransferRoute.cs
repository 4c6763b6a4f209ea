namespace TeraIO.Core.Storage;

/// <summary>Between which places a <see cref="TensorTransfer"/> moves bytes.</summary>
internal enum TransferRoute
{
    /// <summary>The caller's memory and the paths; its end is the end of the copy's write or read.</summary>
    Whole,

    /// <summary>The caller's memory and the paths, as a part of a write or read that others begin and end.</summary>
    Paths,

    /// <summary>The caller's memory and the host tier, as such a part.</summary>
    HostMemory,

    /// <summary>From the host tier to the paths, as such a part. Keeps the checksums of the write to the tier, so that bytes damaged there are found out.</summary>
    Spill,
}
