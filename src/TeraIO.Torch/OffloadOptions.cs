using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Torch.Interop;

namespace TeraIO.Torch;

/// <summary>How transfers are decided.</summary>
public enum OffloadMode
{
    /// <summary>
    /// Before an op runs its inputs are brought back; when an allocation would pass the budget, the least recently
    /// used idle storages leave memory first.
    /// </summary>
    OnDemand,

    /// <summary>
    /// As <see cref="OnDemand"/> until two steps in a row (<see cref="OffloadSession.BeginStep"/>) are the same; from then on a plan made of their tensor
    /// lifetimes issues transfers ahead of time. A step that departs from the plan goes on on demand.
    /// </summary>
    Planned,
}

/// <summary>What an <see cref="OffloadSession"/> may use. Immutable; every default is usable.</summary>
public sealed record OffloadOptions
{
    /// <summary>
    /// Hard limit on live tensor bytes as the allocator counts them, or <see langword="null"/> to only observe:
    /// nothing is moved, live and peak bytes are counted.
    /// </summary>
    public ByteSize? MemoryBudget { get; init; }

    /// <summary>
    /// Directories that hold offloaded bytes; tensors are striped across them. Required when
    /// <see cref="MemoryBudget"/> is set. They must exist and be writable.
    /// </summary>
    public IReadOnlyList<string> StoragePaths { get; init; } = [];

    /// <summary>
    /// Limits of single paths, by their name in <see cref="StoragePaths"/>: capacity, bytes written (endurance), queue depth. Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, PathOptions> StoragePathOptions { get; init; } = new Dictionary<string, PathOptions>();

    /// <inheritdoc cref="StoreOptions.FixedShares"/>
    public IReadOnlyList<double>? StorageShares { get; init; }

    /// <summary>
    /// Where the tensors live that the session counts and moves; those elsewhere pass it unseen. Default <see cref="TensorDevice.Cpu"/>. On a CUDA device all ops run on one stream.
    /// </summary>
    public TensorDevice Device { get; init; }

    /// <summary>
    /// How bytes reach the storage paths. Host memory: <see cref="StorageBackend.Auto"/>, <see cref="StorageBackend.IoUring"/> or <see cref="StorageBackend.Threads"/>. A CUDA device: <see cref="StorageBackend.Device"/>,
    /// which is also what <see cref="StorageBackend.Auto"/> stands for there, <see cref="StorageBackend.Staged"/> or <see cref="StorageBackend.CuFile"/>. Default <see cref="StorageBackend.Auto"/>.
    /// </summary>
    public StorageBackend Backend { get; init; } = StorageBackend.Auto;

    /// <summary>Storages smaller than this stay in memory. Default 64 KiB.</summary>
    public ByteSize MinimumOffloadSize { get; init; } = ByteSize.FromKiB(64);

    /// <summary>
    /// Upper limit of the bytes kept in all <see cref="StoragePaths"/> together, all of it preallocated at attach so that a full disk
    /// shows before training; <see langword="null"/> grows on need, one preallocated segment at a time.
    /// </summary>
    public ByteSize? StoreCapacity { get; init; }

    /// <summary>
    /// Host memory as a tier in front of <see cref="StoragePaths"/>. Where tensors live in host memory themselves it is refused unless <see cref="HostMemoryOptions.AllowOnCpu"/> says that an
    /// emulated tier is meant; for a CUDA device, because no backend moves device memory there yet. Default <see langword="null"/>: none.
    /// </summary>
    public HostMemoryOptions? HostMemory { get; init; }

    /// <summary>
    /// Compare every stripe that comes back with the checksum of what was written. Without it corruption goes into the training unseen. Default <see langword="null"/>: as far as it can be done, which is
    /// always in host memory, and on a CUDA device where a kernel proves to compute there what the CPU does. <see langword="true"/> is refused where it cannot. <see cref="OffloadSession.ReadVerification"/> tells.
    /// </summary>
    public bool? VerifyReads { get; init; }

    /// <summary>
    /// Time from the begin of a tensor's write or read after which it is given up: what waits in a queue at once, what the kernel has when the kernel lets go of it. A write that is
    /// late leaves its tensor in memory; a read that an op needs and that is late stops the op and sets <see cref="OffloadSession.Failure"/> to a <see cref="TransferDeadlineException"/>. Above 0,
    /// at most 24 days. Default <see langword="null"/>: it may take as long as it takes.
    /// </summary>
    public TimeSpan? TransferDeadline { get; init; }

    /// <summary>
    /// Who waits for bytes that an op on a CUDA device needs and that are still on their way: <see cref="ReadWaits.OnHost"/>, the thread that launches the op, or <see cref="ReadWaits.InStream"/>, the device's
    /// stream. Refused for other devices, and together with <see cref="Leases"/> that are not <see cref="LeaseMode.None"/>. Default <see cref="ReadWaits.OnHost"/>: no GPU has shown yet what the other is worth.
    /// </summary>
    /// <remarks>
    /// <para>In the stream, a read that fails is known only after kernels ran without its bytes. So every op that copies from the device or returns a value, <see cref="OffloadSession.Pin"/>,
    /// <see cref="OffloadSession.RestoreAll"/> and the end of a step wait until all reads before them were looked at. One that failed ends the session: <see cref="OffloadSession.Failure"/> is a
    /// <see cref="ReadFailedException"/>, every later op throws, and training starts again from the last checkpoint. What no op shows is not held back: sizes that depend on data (<c>nonzero</c>,
    /// <c>masked_select</c>) may be wrong before the next op that is held back throws.</para>
    /// <para>The thread still waits for room under the budget, and where the driver lets no stream wait. It runs further ahead of the device than otherwise, which a <see cref="TransferDeadline"/> has to leave time for.</para>
    /// </remarks>
    public ReadWaits ReadWaits { get; init; } = ReadWaits.OnHost;

    /// <summary>Slows every storage path down to this device, for experiments. Default <see langword="null"/>: as fast as it is.</summary>
    public EmulatedDevice? EmulatedDevice { get; init; }

    /// <summary>
    /// How the storage paths are shared with other processes of this node; every process names the same options. Each process's planner then counts on its
    /// share of the measured bandwidth. Default <see langword="null"/>: they are not shared.
    /// </summary>
    public LeaseOptions? Leases { get; init; }

    /// <summary>The product's own policy.</summary>
    internal const string DefaultPolicy = "planned";

    /// <summary>Who decides about transfers. Default <see cref="OffloadMode.OnDemand"/>.</summary>
    public OffloadMode Mode { get; init; } = OffloadMode.OnDemand;

    /// <summary>
    /// Who plans in <see cref="OffloadMode.Planned"/>: a name of <see cref="TeraIO.Planner.Policies.Policies"/>. Others than the default serve
    /// comparisons.
    /// </summary>
    public string Policy { get; init; } = DefaultPolicy;

    /// <summary>
    /// Bytes of freed tensor memory kept for reuse, never beyond the budget. Default <see langword="null"/>: all that the budget leaves, or
    /// without a budget what keeps live and kept bytes within the peak of the live ones. Refused for a CUDA device, where libtorch's caching allocator keeps freed memory.
    /// </summary>
    /// <remarks>Fresh memory costs a page fault and a zeroing per page, and training asks for the same sizes again and again.</remarks>
    public ByteSize? BlockCacheSize { get; init; }

    /// <summary>
    /// File of a <see cref="Core.Storage.BandwidthProfile"/> (<c>teraio bench -o FILE</c>) that has all <see cref="StoragePaths"/>: plans use its figures, and on a CUDA device each path gets the backend that it has as the faster
    /// (<see cref="StoreOptions.BandwidthProfile"/>), where <see cref="Backend"/> names none. Default <see langword="null"/>: the store is measured before the first plan, and backends go by the expected route.
    /// </summary>
    public string? BandwidthProfile { get; init; }

    /// <exception cref="ConfigurationException">An option is unusable; the message names it.</exception>
    internal void Validate()
    {
        if (MinimumOffloadSize.Bytes < 4096)
        {
            throw new ConfigurationException($"{nameof(MinimumOffloadSize)} is {MinimumOffloadSize}; the smallest that can be moved is 4 KiB.");
        }

        if (Device.IsCuda) ValidateForCuda();
        else if (StoreOptions.IsForDeviceMemory(Backend))
        {
            throw new ConfigurationException(
                $"{nameof(Backend)} is {Backend}, which moves the memory of a CUDA device, but {nameof(Device)} is {Device}: set {nameof(Device)} to {nameof(TensorDevice)}.{nameof(TensorDevice.Cuda)}(), or use Auto, IoUring or Threads.");
        }

        if (ReadWaits == ReadWaits.InStream) ValidateForStreamReads();
        if (HostMemory is { AllowOnCpu: false } host)
        {
            throw new ConfigurationException(
                $"{nameof(HostMemory)} sets {host.Budget} of host memory aside, but this session's tensors live in host memory themselves: the tier saves nothing there. Leave it out and raise {nameof(MemoryBudget)} "
                + $"by as much, or set {nameof(HostMemoryOptions)}.{nameof(HostMemoryOptions.AllowOnCpu)} to emulate a second tier for tests and experiments.");
        }

        if (MemoryBudget is not { } budget)
        {
            if (HostMemory is not null) throw new ConfigurationException($"{nameof(HostMemory)} is set but {nameof(MemoryBudget)} is not: without a budget nothing moves. Set {nameof(MemoryBudget)}, or leave it out.");
            return;
        }

        if (budget.Bytes <= 0) throw new ConfigurationException($"{nameof(MemoryBudget)} is {budget}; it must be more than zero.");
        if (StoragePaths.Count == 0)
        {
            throw new ConfigurationException($"{nameof(MemoryBudget)} is set but {nameof(StoragePaths)} is empty: name at least one directory for offloaded bytes.");
        }
    }

    private void ValidateForStreamReads()
    {
        if (!Device.IsCuda)
        {
            throw new ConfigurationException($"{nameof(ReadWaits)} is {ReadWaits}, but the tensors are on {Device}, which has no streams: leave it out.");
        }

        if (Leases is { Mode: not LeaseMode.None } leases)
        {
            throw new ConfigurationException(
                $"{nameof(ReadWaits)} is {ReadWaits} and {nameof(Leases)} are {leases.Mode}: transfers that are held for kernels would keep the lease from the read that those kernels wait for. "
                + $"Use {nameof(ReadWaits)}.{nameof(ReadWaits.OnHost)}, or {nameof(LeaseMode)}.{nameof(LeaseMode.None)}.");
        }
    }

    private void ValidateForCuda()
    {
        if (Backend is StorageBackend.IoUring or StorageBackend.Threads)
        {
            throw new ConfigurationException($"{nameof(Backend)} is {Backend}, which moves host memory, but the tensors are on {Device}: use Auto, Device, Staged or CuFile.");
        }

        if (HostMemory is not null)
        {
            throw new ConfigurationException(
                $"{nameof(HostMemory)} is set, but the tensors are on {Device}, and it is the CPU that fills and empties the host tier: leave it out.");
        }

        if (BlockCacheSize is not null)
        {
            throw new ConfigurationException(
                $"{nameof(BlockCacheSize)} is set, but on {Device} it is libtorch's caching allocator that keeps freed memory: leave it out.");
        }
    }

    /// <exception cref="ConfigurationException">The bandwidth profile is needed and cannot be read.</exception>
    /// <exception cref="Core.Tracing.TraceFormatException">It is needed and is none.</exception>
    internal StoreOptions ToStoreOptions() => new()
    {
        Paths = StoragePaths,
        PathOptions = StoragePathOptions,
        FixedShares = StorageShares,
        Capacity = StoreCapacity,
        Emulated = EmulatedDevice,
        Leases = Leases,
        HostMemory = HostMemory,
        VerifyReads = VerifyReads,
        Backend = StoreBackend,
        BandwidthProfile = StoreBackend == StorageBackend.Device && BandwidthProfile is { } profile ? BandwidthProfileFile.Read(profile) : null,
        Device = Math.Max(0, Device.CudaOrdinal),
        TransferDeadline = TransferDeadline,
    };

    private StorageBackend StoreBackend => Device.IsCuda && Backend == StorageBackend.Auto ? StorageBackend.Device : Backend;

    internal ObserverOptions ToObserverOptions() => new()
    {
        Flags = ReadWaits == ReadWaits.InStream ? ObserverFlags.DeliverResults : ObserverFlags.None,
        MinimumBytes = (ulong)MinimumOffloadSize.Bytes,
        LimitBytes = (ulong)(MemoryBudget?.Bytes ?? 0),
        CacheBytes = BlockCacheSize is { } cache ? (ulong)Math.Max(0, cache.Bytes) : ulong.MaxValue,
        DeviceType = Device.IsCuda ? ObserverDevice.Cuda : ObserverDevice.Cpu,
        DeviceIndex = Math.Max(0, Device.CudaOrdinal),
    };
}
