namespace TeraIO.Core.Storage;

/// <summary>
/// What cuFile is told before its driver opens, for <see cref="StorageBackend.CuFile"/> and <see cref="StorageBackend.Device"/>. Everything unset is as cufile.json and the environment have it. The driver is one
/// for the whole process: stores that are open at the same time have the same settings.
/// </summary>
public sealed record CuFileOptions
{
    private const int DirectIoUnit = 64 << 10;
    private const int Unit = 1 << 10;

    /// <summary>Whether bytes may go through the host's memory where they cannot go directly. With <see langword="false"/> a store in such a path does not open. Needs libcufile 1.14 (CUDA 12.9).</summary>
    public bool? AllowCompatibility { get; init; }

    /// <summary>Whether to use the kernel's own peer-to-peer support in place of nvidia-fs. Needs libcufile 1.14 (CUDA 12.9).</summary>
    public bool? UsePciP2pDma { get; init; }

    /// <summary>Most bytes of one I/O to the driver. A positive multiple of 64 KiB.</summary>
    public ByteSize? MaxDirectIo { get; init; }

    /// <summary>Memory of the GPU for bounce buffers. A positive multiple of 1 KiB.</summary>
    public ByteSize? DeviceCache { get; init; }

    /// <summary>Memory of the GPU that may be pinned at once. A positive multiple of 1 KiB.</summary>
    public ByteSize? PinnedMemory { get; init; }

    /// <summary>Most memory of the GPU that may be registered at once; above 0. Default <see langword="null"/>: what may be pinned, less the cache.</summary>
    public ByteSize? RegistrationBudget { get; init; }

    /// <summary>An existing folder for cufile.log, which otherwise goes to the working directory. Ignored before libcufile 1.14.</summary>
    public string? LogDirectory { get; init; }

    /// <summary>Whether cuFile counts for <see cref="StoreStatistics.CuFile"/>, which costs it time. Needs libcufile 1.15 (CUDA 13.0); there are no counts before. Default <see langword="false"/>.</summary>
    public bool CollectStatistics { get; init; }

    /// <summary>Those that the driver is opened with; statistics can be switched later.</summary>
    internal CuFileOptions OfDriver => this with { CollectStatistics = false };

    /// <exception cref="ConfigurationException">A value is outside its limits; the message names it.</exception>
    internal void Validate()
    {
        RequireUnits(MaxDirectIo, DirectIoUnit, nameof(MaxDirectIo));
        RequireUnits(DeviceCache, Unit, nameof(DeviceCache));
        RequireUnits(PinnedMemory, Unit, nameof(PinnedMemory));
        RequireUnits(RegistrationBudget, 1, nameof(RegistrationBudget));
        if (DeviceCache is { } cache && PinnedMemory is { } pinned && cache > pinned)
            throw new ConfigurationException($"CuFileOptions.DeviceCache is {cache}, more than CuFileOptions.PinnedMemory, {pinned}: the cache is pinned, too.");
        if (LogDirectory is { } folder && !Directory.Exists(folder))
            throw new ConfigurationException($"CuFileOptions.LogDirectory {folder} does not exist: create it, or name another.") { Path = folder };
    }

    private static void RequireUnits(ByteSize? size, int unit, string option)
    {
        if (size is { } given && (given.Bytes <= 0 || given.Bytes % unit != 0))
            throw new ConfigurationException($"CuFileOptions.{option} is {given.Bytes} bytes: use {(unit == 1 ? "1 or more" : $"a positive multiple of {unit}")}, or null to leave it as it is configured.");
    }
}
