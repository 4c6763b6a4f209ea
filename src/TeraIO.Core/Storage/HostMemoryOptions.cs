namespace TeraIO.Core.Storage;

/// <summary>When a write to the host tier is complete.</summary>
public enum HostMemoryMode
{
    /// <summary>When host memory has the bytes. They go on to the paths only when room is needed: what is freed before that never reaches a disk.</summary>
    WriteBack,

    /// <summary>When the paths have the bytes too. Their copy in host memory can then be dropped at any time without I/O.</summary>
    WriteThrough,
}

/// <summary>
/// Host memory as a tier in front of a store's paths: tensors wait there as long as they fit, and in files otherwise. Immutable.
/// </summary>
/// <remarks>
/// It pays where tensors live in another memory than the host's, such as a GPU's. Where they live in host memory themselves the same bytes serve better as
/// <c>MemoryBudget</c>; a session refuses the option there, but for <see cref="AllowOnCpu"/>.
/// </remarks>
public sealed record HostMemoryOptions
{
    /// <summary>Hard limit on the memory that the tier takes, padding included; all of it is set aside at open. At least 1 MiB, rounded down to a multiple of 4096 bytes.</summary>
    public required ByteSize Budget { get; init; }

    /// <summary>When a write is complete. Default <see cref="HostMemoryMode.WriteBack"/>.</summary>
    public HostMemoryMode Mode { get; init; } = HostMemoryMode.WriteBack;

    /// <summary>
    /// Lets a session that trains in host memory have the tier all the same: an emulated second tier on the same machine, for tests and experiments; figures from it are
    /// to be labelled so. A <see cref="TensorStore"/> opened by itself does not ask.
    /// </summary>
    public bool AllowOnCpu { get; init; }

    /// <exception cref="ConfigurationException">A value is outside its limits; the message names it.</exception>
    internal void Validate()
    {
        if (Budget < ByteSize.FromMiB(1))
            throw new ConfigurationException($"HostMemoryOptions.Budget is {Budget}: use at least 1 MiB, or no HostMemory at all.");
        var machine = new ByteSize(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (Budget > machine)
            throw new ConfigurationException($"HostMemoryOptions.Budget is {Budget}, but this process may use {machine} of memory in all: lower it.");
        if (!Enum.IsDefined(Mode))
            throw new ConfigurationException($"HostMemoryOptions.Mode is {(int)Mode}: use WriteBack or WriteThrough.");
    }
}
