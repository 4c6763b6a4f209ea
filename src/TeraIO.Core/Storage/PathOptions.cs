namespace TeraIO.Core.Storage;

/// <summary>What one path of a store may be used for; everything unset is as for the whole store.</summary>
public sealed record PathOptions
{
    /// <summary>Upper limit of the bytes kept on this path. Default <see langword="null"/>: the disk's.</summary>
    public ByteSize? Capacity { get; init; }

    /// <summary>
    /// Endurance: bytes that may be written to this path, padding and relocated stripes included, before it takes no more writes and serves reads only.
    /// Counted since the store was opened. Default <see langword="null"/>: no limit.
    /// </summary>
    /// <remarks>Below the limit a write that failed is not repeated on this path but goes to another, so that the limit holds exactly.</remarks>
    public ByteSize? WriteLimit { get; init; }

    /// <summary>1 MiB chunks in flight. Default <see langword="null"/>: <see cref="StoreOptions.QueueDepth"/>.</summary>
    public int? QueueDepth { get; init; }

    /// <summary>Slows this path down to a device, for experiments. Default <see langword="null"/>: <see cref="StoreOptions.Emulated"/>.</summary>
    public EmulatedDevice? Emulated { get; init; }

    /// <exception cref="ConfigurationException">A value is outside its limits; the message names it.</exception>
    internal void Validate(string path)
    {
        if (Capacity is { Bytes: < StoreOptions.BlockBytes } capacity)
            throw new ConfigurationException($"PathOptions.Capacity of {path} is {capacity}: use at least {StoreOptions.BlockBytes} bytes, or null for the disk's.") { Path = path };
        if (WriteLimit is { Bytes: < 0 } limit)
            throw new ConfigurationException($"PathOptions.WriteLimit of {path} is {limit}: use 0 or more, or null for no limit.") { Path = path };
        if (QueueDepth is < 1 or > 1024)
            throw new ConfigurationException($"PathOptions.QueueDepth of {path} is {QueueDepth}: use 1 to 1024.") { Path = path };
        Emulated?.Validate();
    }
}
