using TeraIO.Core.Leases;

namespace TeraIO.Core.Storage;

/// <summary>Which kernel interface moves the bytes.</summary>
public enum StorageBackend
{
    /// <summary>io_uring, or worker threads where io_uring is refused.</summary>
    Auto,

    /// <summary>io_uring, or <see cref="ConfigurationException"/> at open: never a silent downgrade.</summary>
    IoUring,

    /// <summary>pread and pwrite on worker threads.</summary>
    Threads,

    /// <summary>
    /// GPUDirect Storage (cuFile): transfers from and to CUDA memory, without the CPU's. <see cref="ConfigurationException"/> at open
    /// where there is no GPU or no libcufile. The CPU does not see the bytes.
    /// </summary>
    CuFile,

    /// <summary>
    /// Transfers from and to CUDA memory through 64 MiB of pinned host memory per path, for GPUs without GPUDirect Storage: io_uring and copies
    /// overlap. <see cref="ConfigurationException"/> at open where there is no GPU or io_uring is refused.
    /// </summary>
    Staged,

    /// <summary>
    /// Transfers from and to CUDA memory, whichever way is better for each path: the one that <see cref="StoreOptions.BandwidthProfile"/> has as the faster. Without it, and where it cannot tell, <see cref="CuFile"/> where its bytes
    /// are expected to go directly (nvidia-fs or PCI P2PDMA), else <see cref="Staged"/>, because cuFile's compatibility mode goes through host memory as well. <see cref="PathStatistics.Backend"/> and <see cref="PathStatistics.Route"/> tell what was chosen and why.
    /// </summary>
    Device,
}

/// <summary>Where and how a <see cref="TensorStore"/> keeps its bytes. Immutable; everything but <see cref="Paths"/> has a usable default.</summary>
public sealed record StoreOptions
{
    /// <summary>The unit of placement on disk, in bytes: what O_DIRECT needs on every device in use today.</summary>
    internal const int BlockBytes = 4096;

    /// <summary>Existing, writable directories, best on different devices. Each gets one private directory that is removed with the store.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>Tensors are cut into stripes of this size, spread over the paths. A positive multiple of 4096 bytes. Default 1 MiB.</summary>
    public ByteSize StripeSize { get; init; } = ByteSize.FromMiB(1);

    /// <summary>How much a path's file grows at a time, preallocated. A positive multiple of 4096 bytes. Default 256 MiB.</summary>
    public ByteSize SegmentSize { get; init; } = ByteSize.FromMiB(256);

    /// <summary>
    /// <see langword="null"/>: grow on need. A size: all of it is preallocated at open, over all paths together, and it
    /// is a hard limit; a full disk then shows at open rather than in the middle of training.
    /// </summary>
    public ByteSize? Capacity { get; init; }

    /// <summary>Limits of single paths, by their name in <see cref="Paths"/>. Default: none.</summary>
    public IReadOnlyDictionary<string, PathOptions> PathOptions { get; init; } = System.Collections.Frozen.FrozenDictionary<string, PathOptions>.Empty;

    /// <summary>
    /// How bytes are divided over <see cref="Paths"/>. Default <see langword="null"/>: in proportion to the rates at which the paths move bytes, measured all the time.
    /// A list of one weight per path, not negative and not all 0, divides in this proportion for good; a path of weight 0 gets bytes only when no other
    /// takes them.
    /// </summary>
    public IReadOnlyList<double>? FixedShares { get; init; }

    /// <summary>1 MiB chunks in flight per path. 1 to 1024, with <see cref="StorageBackend.Threads"/> 1 to 64 (<see cref="StorageBackend.CuFile"/> uses no more). Default 32.</summary>
    public int QueueDepth { get; init; } = 32;

    /// <summary>Which kernel interface moves the bytes. Default <see cref="StorageBackend.Auto"/>.</summary>
    public StorageBackend Backend { get; init; } = StorageBackend.Auto;

    /// <summary>Ordinal of the CUDA device whose memory <see cref="StorageBackend.Staged"/> and <see cref="StorageBackend.Device"/> move. Default 0.</summary>
    public int Device { get; init; }

    /// <summary>
    /// What <c>teraio bench</c> measured of the memory of this very GPU: <see cref="StorageBackend.Device"/> chooses by it, other backends do not look at it. A profile of another GPU or other directories is no error: the choice is made without
    /// it, and <see cref="PathStatistics.Route"/> says why. Default <see langword="null"/>: the choice goes by the expected route.
    /// </summary>
    public BandwidthProfile? BandwidthProfile { get; init; }

    /// <summary>Settings of cuFile. Default <see langword="null"/>: as cufile.json and the environment have them, or another store of this process.</summary>
    public CuFileOptions? CuFile { get; init; }

    /// <summary>How often a read that failed or came back corrupt is repeated before it is an error. 0 to 100. Default 3.</summary>
    public int ReadRetries { get; init; } = 3;

    /// <summary>
    /// When a tensor's write or read that has no deadline of its own must have ended, from its begin. Above 0, at most 24 days. Default <see langword="null"/>: it may take as long as it takes. What
    /// passes it ends with <see cref="TransferDeadlineException"/>.
    /// </summary>
    public TimeSpan? TransferDeadline { get; init; }

    /// <summary>
    /// Compare every stripe that comes back with the checksum of what was written: host memory by the CPU, a device's memory by a kernel there. Default <see langword="null"/>: wherever it can be done, which
    /// is always in host memory, and on a device whose driver takes the kernel and where it proves to compute what the CPU does (<see cref="StoreStatistics.ReadVerification"/> tells). <see langword="true"/>:
    /// <see cref="ConfigurationException"/> at open where it cannot. <see langword="false"/>: no checksum is computed, which saves a pass over all bytes moved each way, and corruption goes into the training
    /// unseen.
    /// </summary>
    public bool? VerifyReads { get; init; }

    /// <summary>What the runtime's timers can count.</summary>
    internal static TimeSpan LongestDeadline { get; } = TimeSpan.FromDays(24);

    internal static bool IsDeadline(TimeSpan deadline) => deadline > TimeSpan.Zero && deadline <= LongestDeadline;

    /// <summary>Whether transfers are from and to a device's memory, which the CPU cannot read.</summary>
    internal bool MovesDeviceMemory => IsForDeviceMemory(Backend);

    /// <inheritdoc cref="MovesDeviceMemory"/>
    internal static bool IsForDeviceMemory(StorageBackend backend) => backend is StorageBackend.CuFile or StorageBackend.Staged or StorageBackend.Device;

    /// <summary>Slows every path down to this device, for experiments. Default <see langword="null"/>: as fast as it is.</summary>
    public EmulatedDevice? Emulated { get; init; }

    /// <summary>How the store shares its devices with other stores of this node. Default <see langword="null"/>: it knows of none.</summary>
    public LeaseOptions? Leases { get; init; }

    /// <summary>Host memory as a tier in front of <see cref="Paths"/>. Default <see langword="null"/>: none.</summary>
    public HostMemoryOptions? HostMemory { get; init; }

    /// <exception cref="ConfigurationException">An option is outside its limits; the message names it.</exception>
    internal void Validate()
    {
        if (Paths is null or { Count: 0 })
            throw new ConfigurationException("StoreOptions.Paths is empty: name at least one existing directory for offloaded tensors.");
        RequireBlocks(StripeSize, nameof(StripeSize));
        RequireBlocks(SegmentSize, nameof(SegmentSize));
        if (StripeSize > ByteSize.FromMiB(1024))
            throw new ConfigurationException($"StoreOptions.StripeSize is {StripeSize}: use at most 1 GiB.");
        if (Capacity is { } capacity && capacity.Bytes < BlockBytes)
            throw new ConfigurationException($"StoreOptions.Capacity is {capacity}: use at least {BlockBytes} bytes, or null to grow on need.");
        RequireWithin(QueueDepth, 1, 1024, nameof(QueueDepth));
        RequireWithin(ReadRetries, 0, 100, nameof(ReadRetries));
        if (TransferDeadline is { } deadline && !IsDeadline(deadline))
            throw new ConfigurationException($"StoreOptions.TransferDeadline is {deadline}: use a time above 0 of at most {LongestDeadline.TotalDays:F0} days, or null for no deadline.");
        Emulated?.Validate();
        ValidatePathOptions();
        ValidateShares(FixedShares, Paths.Count);
        Leases?.Validate();
        HostMemory?.Validate();
        if (HostMemory is not null && MovesDeviceMemory)
        {
            throw new ConfigurationException(
                $"StoreOptions.HostMemory is set, but with StorageBackend.{Backend} tensors lie in the device's memory, and it is the CPU that fills and empties the host tier: use another Backend, or no HostMemory.");
        }
        if (!Enum.IsDefined(Backend))
            throw new ConfigurationException($"StoreOptions.Backend is {(int)Backend}: use Auto, IoUring, Threads, CuFile, Staged or Device.");
        CuFile?.Validate();
        if (CuFile is not null && Backend is not (StorageBackend.CuFile or StorageBackend.Device))
            throw new ConfigurationException($"StoreOptions.CuFile is set, but StorageBackend.{Backend} does not use cuFile: use StorageBackend.CuFile or Device, or no CuFile.");
        if (Device < 0)
            throw new ConfigurationException($"StoreOptions.Device is {Device}: use the ordinal of a CUDA device, from 0 on.");
    }

    /// <summary>Those of one path, with the store's where it has none.</summary>
    internal PathOptions OptionsOf(string path)
    {
        var options = PathOptions.GetValueOrDefault(path) ?? new PathOptions();
        return options with { QueueDepth = options.QueueDepth ?? QueueDepth, Emulated = options.Emulated ?? Emulated };
    }

    private void ValidatePathOptions()
    {
        foreach (var (path, options) in PathOptions)
        {
            if (!Paths.Contains(path))
                throw new ConfigurationException($"StoreOptions.PathOptions names {path}, which is not in StoreOptions.Paths: spell it as there.") { Path = path };
            options.Validate(path);
        }
    }

    /// <exception cref="ConfigurationException">These are no shares of so many paths.</exception>
    internal static void ValidateShares(IReadOnlyList<double>? shares, int paths)
    {
        if (shares is null)
            return;
        if (shares.Count != paths)
            throw new ConfigurationException($"StoreOptions.FixedShares has {shares.Count} weights for {paths} paths: give one per path, or null to divide as measured.");
        if (shares.Any(static share => !double.IsFinite(share) || share < 0) || shares.Sum() is not (> 0 and < double.PositiveInfinity))
            throw new ConfigurationException($"StoreOptions.FixedShares is {string.Join(", ", shares)}: use numbers of 0 or more, at least one above 0.");
    }

    private static void RequireBlocks(ByteSize size, string option)
    {
        if (size.Bytes <= 0 || size.Bytes % BlockBytes != 0)
            throw new ConfigurationException($"StoreOptions.{option} is {size.Bytes} bytes: use a positive multiple of {BlockBytes}.");
    }

    private static void RequireWithin(int value, int least, int most, string option)
    {
        if (value < least || value > most)
            throw new ConfigurationException($"StoreOptions.{option} is {value}: use {least} to {most}.");
    }
}
