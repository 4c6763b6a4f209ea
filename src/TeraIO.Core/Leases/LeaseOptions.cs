namespace TeraIO.Core.Leases;

/// <summary>Who may use a device when several stores of this node share it.</summary>
public enum LeaseMode
{
    /// <summary>Everyone at any time; stores are only counted.</summary>
    None,

    /// <summary>One store of the node at a time, whatever its device and direction.</summary>
    Global,

    /// <summary>
    /// Per device and direction <see cref="LeaseOptions.Slots"/> stores at a time. With one slot this is MLP-Offload's concurrency control
    /// (one process per node reads, one writes), per device.
    /// </summary>
    PerPath,
}

/// <summary>
/// How a store shares its devices with other stores of the same user on this node, in this process or others. A device is the file system that a path lies in: two
/// directories of one file system share it. Immutable.
/// </summary>
public sealed record LeaseOptions
{
    /// <summary>Where lock files go unless told otherwise: memory, seen by every process of the node.</summary>
    public const string DefaultDirectory = "/dev/shm";

    internal const int MostSlots = 64;

    /// <summary>Who may use a device. Default <see cref="LeaseMode.PerPath"/>.</summary>
    public LeaseMode Mode { get; init; } = LeaseMode.PerPath;

    /// <summary>Leases of one device and direction held at once. 1 to 64, the same in every store that shares the device. Default 1.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>
    /// What one lease covers before others get their turn, in bytes; the last transfer may exceed it. More than 0. Default 64 MiB: the pause between two
    /// leases, while the device's queue runs empty, is then small beside the transfers, and a waiting store waits for tens of milliseconds.
    /// </summary>
    public ByteSize BytesPerLease { get; init; } = ByteSize.FromMiB(64);

    /// <summary>Existing directory for the lock files, the same in every store that shares a device. Default <see cref="DefaultDirectory"/>.</summary>
    public string Directory { get; init; } = DefaultDirectory;

    /// <exception cref="ConfigurationException">An option is outside its limits; the message names it.</exception>
    internal void Validate()
    {
        if (!Enum.IsDefined(Mode)) throw new ConfigurationException($"LeaseOptions.Mode is {(int)Mode}: use None, Global or PerPath.");
        if (Slots is < 1 or > MostSlots) throw new ConfigurationException($"LeaseOptions.Slots is {Slots}: use 1 to {MostSlots}.");
        if (BytesPerLease.Bytes <= 0) throw new ConfigurationException($"LeaseOptions.BytesPerLease is {BytesPerLease}: use more than 0.");
        if (!System.IO.Directory.Exists(Directory))
            throw new ConfigurationException($"LeaseOptions.Directory {Directory} does not exist: name a directory that all processes of the node see.") { Path = Directory };
    }
}
