using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Core.Interop;
using TeraIO.Core.Leases;
using TeraIO.Core.Tiers;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// Scratch space for tensors on one or more disks, with host memory in front of them if wanted. Bytes are striped over the paths, written and read past the
/// page cache where the file system allows it, and checked on the way back.
/// </summary>
/// <remarks>
/// Scratch semantics: nothing outlives the store. Its directories are removed on <see cref="Dispose"/>, at process exit, and, when the
/// process was killed, by the next store opened in the same path. Thread-safe, but for <see cref="Dispose"/>.
/// </remarks>
public sealed class TensorStore : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<TensorTransfer> _idleTransfers = new();
    private readonly ManualResetEventSlim _drained = new();
    private readonly StoreLeases? _leases;
    private readonly TieredTransfers? _tiered;
    private readonly DeviceVerification _verification;
    private readonly DeviceComparisons? _comparisons;
    private int _transfersInFlight;
    private bool _isDisposed;

    private TensorStore(StoreOptions options, IReadOnlyList<StorePath> paths, StoreLeases? leases, HostTier? hostTier, DeviceVerification verification)
    {
        _verification = verification;
        _comparisons = verification.Checksums is null ? null : new DeviceComparisons(MatchesNow);
        _leases = leases;
        HostTier = hostTier;
        _tiered = hostTier is null ? null : new TieredTransfers(this, hostTier);
        Options = options;
        Paths = paths;
        Placement = new StripePlacement(paths, options);
    }

    /// <summary>Counters and sizes, now.</summary>
    public StoreStatistics Statistics => Placement.Snapshot() with
    {
        HostMemory = HostTier?.Snapshot(),
        CuFile = Options.CuFile is { CollectStatistics: true } ? CuFileDriver.ReadStatistics() : null,
        ReadVerification = !VerifiesReads ? ReadVerification.None : Options.MovesDeviceMemory ? ReadVerification.Gpu : ReadVerification.Cpu,
        UnverifiedBecause = _verification.Missing,
    };

    /// <summary>What the leases did, per device and direction; empty without <see cref="StoreOptions.Leases"/> or with <see cref="LeaseMode.None"/>.</summary>
    public IReadOnlyList<LeaseStatistics> LeaseStatistics => _leases?.Statistics ?? [];

    /// <summary>
    /// Stores open now that share this store's most shared device, this one included; 1 without <see cref="StoreOptions.Leases"/>. A store whose process was killed does not count.
    /// </summary>
    public int SharingStores => _leases?.SharingStores ?? 1;

    /// <inheritdoc cref="StoreLeases.AwaitProbeTurn"/>
    internal IDisposable? AwaitProbeTurn() => _leases?.AwaitProbeTurn();

    internal StoreOptions Options { get; }

    internal IReadOnlyList<StorePath> Paths { get; }

    internal StripePlacement Placement { get; }

    /// <summary>Null without <see cref="StoreOptions.HostMemory"/>.</summary>
    internal HostTier? HostTier { get; }

    /// <summary>Whether <see cref="Matches"/> can say yes: there are checksums of the memory that tensors are in.</summary>
    internal bool ComparesMemory => !Options.MovesDeviceMemory || _verification.Checksums is not null;

    /// <summary>Whether comparing has to wait for kernels, so that it is part of the write: <see cref="WriteUnlessSame"/>.</summary>
    internal bool ComparesOnDevice => _comparisons is not null;

    /// <summary>Whether checksums are computed and compared.</summary>
    internal bool VerifiesReads => Options.MovesDeviceMemory ? _verification.Checksums is not null : Options.VerifyReads != false;

    /// <summary>Writes and reads of tensors that have not ended.</summary>
    internal int TransfersInFlight
    {
        get
        {
            lock (_lock)
                return _transfersInFlight;
        }
    }

    /// <summary>
    /// Creates a store: one private directory per path, and its whole capacity when <see cref="StoreOptions.Capacity"/> is set. Directories of
    /// dead runs in the same paths are removed first.
    /// </summary>
    /// <exception cref="ConfigurationException">An option is out of range, a path is missing, no directory or not writable, or the native library is missing.</exception>
    /// <exception cref="StorageFullException">The disks have no room for the capacity. Nothing is left behind.</exception>
    public static TensorStore Open(StoreOptions options, ILogger? logger = null) => Open(options, logger, static backend => backend);

    /// <summary>For fault injection: <paramref name="decorate"/> wraps the backend of each path, <paramref name="decorateHost"/> that of the host tier.</summary>
    internal static TensorStore Open(
        StoreOptions options, ILogger? logger, Func<ITransferBackend, ITransferBackend> decorate, Func<ITransferBackend, ITransferBackend>? decorateHost = null) =>
        Open(
            options, logger,
            (path, own) => decorate(CreateBackend(options, path, own.QueueDepth!.Value)),
            decorateHost);

    private static ITransferBackend CreateBackend(StoreOptions options, string path, int queueDepth)
    {
        // Settings that cannot be had are an error, and no reason to do without cuFile.
        if (options.CuFile is { } settings)
            CuFileDriver.Require(settings);
        if (options.Backend != StorageBackend.Device)
            return Native(options.Backend, reason: null);
        var measured = options.BandwidthProfile is { } profile
            ? MeasuredBackend.Of(profile, path, DeviceIdentity.Of(options.Device), options.StripeSize.Bytes, queueDepth)
            : null;
        return new DeviceBackend(Native, measured);

        NativeTransferBackend Native(StorageBackend kind, string? reason) =>
            new(kind, queueDepth, TransferLimits.ForQueueDepth(queueDepth).MostRequests, options.Device, options.CuFile, reason);
    }

    /// <summary>For tests without the native library: <paramref name="createBackend"/> makes the backend of each path.</summary>
    internal static TensorStore Open(StoreOptions options, ILogger? logger, Func<ITransferBackend> createBackend) =>
        Open(options, logger, (_, _) => createBackend());

    /// <summary>For tests and studies: <paramref name="createBackend"/> makes the backend of the path with this name and these options.</summary>
    internal static TensorStore Open(
        StoreOptions options, ILogger? logger, Func<string, PathOptions, ITransferBackend> createBackend, Func<ITransferBackend, ITransferBackend>? decorateHost = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        RequireDistinct(options.Paths);
        logger ??= NullLogger.Instance;
        var paths = new List<StorePath>(options.Paths.Count);
        HostTier? hostTier = null;
        var verification = DeviceVerification.Open(options, logger);
        StoreLeases? leases = null;
        try
        {
            leases = options.Leases is { } sharing ? StoreLeases.Open(sharing, options.Paths, logger) : null;
            foreach (var path in options.Paths)
                paths.Add(OpenPath(path, options, leases, verification, logger, createBackend));
            if (options.HostMemory is { } hostMemory)
                hostTier = new HostTier(hostMemory, decorateHost ?? (static backend => backend), logger);
            var store = new TensorStore(options, paths, leases, hostTier, verification);
            if (options.Capacity is { } capacity)
                store.Placement.Preallocate(capacity.Bytes);
            return store;
        }
        catch
        {
            foreach (var path in paths)
                path.Dispose();
            hostTier?.Dispose();
            leases?.Dispose();
            verification.Dispose();
            throw;
        }
    }

    /// <summary>Takes room for one tensor. May grow the files, which waits for the file system.</summary>
    /// <param name="tensorId">The caller's number for the tensor: for errors and checksums; need not be unique.</param>
    /// <param name="bytes">Size of the tensor; 0 is allowed.</param>
    /// <exception cref="StorageFullException">The capacity or the disks are full; what is reserved stays as it was.</exception>
    public StoredCopy Reserve(long tensorId, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
            ObjectDisposedException.ThrowIf(_isDisposed, this);
        return new StoredCopy(this, tensorId, bytes, Placement.Reserve(tensorId, bytes));
    }

    /// <summary>
    /// Writes the tensor's bytes. Ends when every stripe is written, to host memory (<see cref="HostMemoryMode.WriteBack"/>) or to the paths; only then may
    /// the source be changed or freed. A stripe whose extent takes no writes moves to another, on another path if there is one.
    /// </summary>
    /// <param name="copy">From <see cref="Reserve"/>; nothing else may be in flight on it.</param>
    /// <param name="source">Address of <see cref="StoredCopy.Bytes"/> bytes; any alignment. Never written to.</param>
    /// <param name="priority">Against other transfers of this store.</param>
    /// <param name="ct">Ends the write early where it has not happened yet; the copy is then not valid.</param>
    /// <returns>A task to await once. Failures: <see cref="StorageException"/>, <see cref="StorageFullException"/>,
    /// <see cref="OperationCanceledException"/>; the source is untouched, the copy is not valid.</returns>
    /// <exception cref="InvalidOperationException">The copy was released, or a transfer of it is in flight.</exception>
    public ValueTask WriteAsync(StoredCopy copy, nint source, TransferPriority priority = TransferPriority.Normal, CancellationToken ct = default) =>
        Write(copy, source, priority, continuesInline: false, WriteHint.None, ct: ct);

    /// <summary><inheritdoc cref="WriteAsync(StoredCopy, nint, TransferPriority, CancellationToken)" path="/summary"/></summary>
    /// <remarks>
    /// Of two transfers of one priority the one with the earlier deadline goes first. A stripe that the kernel holds when the deadline passes is waited for until the kernel lets go of its memory.
    /// </remarks>
    /// <param name="copy">From <see cref="Reserve"/>; nothing else may be in flight on it.</param>
    /// <param name="source">Address of <see cref="StoredCopy.Bytes"/> bytes; any alignment. Never written to.</param>
    /// <param name="deadline">When it must have ended, from now; above 0, at most 24 days. Goes before <see cref="StoreOptions.TransferDeadline"/>.</param>
    /// <param name="priority">Against other transfers of this store.</param>
    /// <param name="ct">Ends the write early where it has not happened yet; the copy is then not valid.</param>
    /// <returns>As without a deadline; and <see cref="TransferDeadlineException"/>: the source is untouched, the copy is not valid and can be written again.</returns>
    /// <exception cref="InvalidOperationException">The copy was released, or a transfer of it is in flight.</exception>
    public ValueTask WriteAsync(StoredCopy copy, nint source, TimeSpan deadline, TransferPriority priority = TransferPriority.Normal, CancellationToken ct = default) =>
        Write(copy, source, priority, continuesInline: false, WriteHint.None, deadline: Checked(deadline), ct: ct);

    /// <summary>
    /// <see cref="WriteAsync(StoredCopy, nint, TransferPriority, CancellationToken)"/> to the tier that <paramref name="hint"/> names; with <paramref name="continuesInline"/> the
    /// continuation runs on the completion thread and must not block.
    /// </summary>
    /// <remarks>A returned task, a failed one too, means that <see cref="TransferFences.Signals"/> is signalled; after an exception it is not.</remarks>
    internal ValueTask Write(
        StoredCopy copy, nint source, TransferPriority priority, bool continuesInline, WriteHint hint, TransferFences fences = default, TimeSpan? deadline = null,
        CancellationToken ct = default)
    {
        RequireOwn(copy);
        if (ct.IsCancellationRequested)
            return NotBegun(fences, TransferStatus.Canceled, ValueTask.FromCanceled(ct));
        var limit = Deadline.In(deadline ?? Options.TransferDeadline);
        if (_tiered is not null)
        {
            RequireNoFences(fences);
            BeginCount();
            try
            {
                copy.BeginWrite();
            }
            catch
            {
                EndTransfer();
                throw;
            }
            return _tiered.Write(copy, source, priority, hint, continuesInline, limit, ct);
        }
        var transfer = BeginTransfer();
        try
        {
            copy.BeginWrite();
        }
        catch
        {
            Abandon(transfer);
            throw;
        }
        if (Placement.BeginWrite(copy.TensorId, copy.Stripes) is { } full)
        {
            copy.EndWrite(complete: false);
            Abandon(transfer);
            return NotBegun(fences, TransferStatus.Full, ValueTask.FromException(full));
        }
        return transfer.Run(copy, source, TransferDirection.Write, priority, continuesInline, limit, ct, fences: fences);
    }

    /// <summary>Reads the tensor's bytes back and verifies them, stripe by stripe.</summary>
    /// <param name="copy">A valid copy; other reads of it may be in flight.</param>
    /// <param name="destination">Address of <see cref="StoredCopy.Bytes"/> bytes; any alignment. Not to be touched until the task has ended.
    /// After a failure or cancellation it holds zeros; a device's memory holds anything.</param>
    /// <param name="priority">Against other transfers of this store.</param>
    /// <param name="ct">Ends the read early.</param>
    /// <returns>A task to await once. Failures: <see cref="CorruptionException"/>, <see cref="ShortTransferException"/>,
    /// <see cref="StorageException"/>, <see cref="OperationCanceledException"/>.</returns>
    /// <exception cref="InvalidOperationException">The copy is not valid, was released, or a write of it is in flight.</exception>
    public ValueTask ReadAsync(StoredCopy copy, nint destination, TransferPriority priority = TransferPriority.Urgent, CancellationToken ct = default) =>
        Read(copy, destination, priority, continuesInline: false, ct: ct);

    /// <summary><inheritdoc cref="ReadAsync(StoredCopy, nint, TransferPriority, CancellationToken)" path="/summary"/></summary>
    /// <inheritdoc cref="WriteAsync(StoredCopy, nint, TimeSpan, TransferPriority, CancellationToken)" path="/remarks"/>
    /// <param name="copy">A valid copy; other reads of it may be in flight.</param>
    /// <param name="destination">Address of <see cref="StoredCopy.Bytes"/> bytes; any alignment. Not to be touched until the task has ended.
    /// After a failure, a cancellation or a missed deadline it holds zeros; a device's memory holds anything.</param>
    /// <param name="deadline">When it must have ended, from now; above 0, at most 24 days. Goes before <see cref="StoreOptions.TransferDeadline"/>.</param>
    /// <param name="priority">Against other transfers of this store.</param>
    /// <param name="ct">Ends the read early.</param>
    /// <returns>As without a deadline; and <see cref="TransferDeadlineException"/>: the copy is as valid as before and can be read again.</returns>
    /// <exception cref="InvalidOperationException">The copy is not valid, was released, or a write of it is in flight.</exception>
    public ValueTask ReadAsync(StoredCopy copy, nint destination, TimeSpan deadline, TransferPriority priority = TransferPriority.Urgent, CancellationToken ct = default) =>
        Read(copy, destination, priority, continuesInline: false, deadline: Checked(deadline), ct: ct);

    /// <summary><see cref="ReadAsync(StoredCopy, nint, TransferPriority, CancellationToken)"/>; with <paramref name="continuesInline"/> the continuation runs on the completion thread and must not block.</summary>
    /// <remarks>A returned task, a failed one too, means that <see cref="TransferFences.Signals"/> is signalled; after an exception it is not.</remarks>
    internal ValueTask Read(
        StoredCopy copy, nint destination, TransferPriority priority, bool continuesInline, TransferFences fences = default, TimeSpan? deadline = null,
        CancellationToken ct = default)
    {
        RequireOwn(copy);
        if (ct.IsCancellationRequested)
            return NotBegun(fences, TransferStatus.Canceled, ValueTask.FromCanceled(ct));
        var limit = Deadline.In(deadline ?? Options.TransferDeadline);
        if (_tiered is not null)
            RequireNoFences(fences);
        var transfer = BeginTransfer();
        HostCopy? host = null;
        try
        {
            if (HostTier is null)
                copy.BeginRead();
            else
                host = HostTier.BeginRead(copy);
        }
        catch
        {
            Abandon(transfer);
            throw;
        }
        return host is null
            ? transfer.Run(copy, destination, TransferDirection.Read, priority, continuesInline, limit, ct, fences: fences)
            : _tiered!.Read(transfer, host, destination, priority, continuesInline, limit, ct);
    }

    /// <summary>
    /// Whether the bytes at <paramref name="source"/> are those of the copy's last write, by checksum and without I/O; <see langword="false"/>
    /// for a copy that is not valid, and where there are no checksums (<see cref="StoreStatistics.ReadVerification"/>). Costs the calling thread one pass over the bytes; a device's memory the
    /// same pass on the device, where no kernel may be writing to it any more.
    /// </summary>
    /// <exception cref="InvalidOperationException">The copy was released, or a write of it is in flight.</exception>
    /// <exception cref="TeraIOException">The device failed.</exception>
    public bool Matches(StoredCopy copy, nint source)
    {
        RequireOwn(copy);
        // From here on the copy stays valid: memory may lose the bytes when they match.
        if (!(HostTier?.Claim(copy) ?? copy.IsValid) || !ComparesMemory)
            return false;
        copy.BeginRead();
        try
        {
            return MatchesNow(copy, source);
        }
        finally
        {
            copy.EndRead();
        }
    }

    /// <summary>
    /// For device memory with checksums (<see cref="ComparesOnDevice"/>): compares what is there after <paramref name="fences"/>' kernels with the copy, and writes it
    /// (<see cref="Write"/>) unless it is the same. A deadline counts for the write alone.
    /// </summary>
    /// <returns>A task to await once; its continuation runs on a thread of the store and must not block. Failures: as of <see cref="Write"/>, and <see cref="TeraIOException"/> where kernels or the comparison failed; then nothing is written.</returns>
    internal async ValueTask WriteUnlessSame(StoredCopy copy, nint source, UnchangedCheck check, TransferPriority priority, WriteHint hint, TransferFences fences)
    {
        RequireOwn(copy);
        if (copy.IsValid && await CompareAfter(copy, source, fences.After).ConfigureAwait(false))
        {
            check.FoundSame = true;
            fences.Signals?.Signal(TransferStatus.Ok, systemErrno: 0);
            return;
        }
        await Write(copy, source, priority, continuesInline: true, hint, fences).ConfigureAwait(false);
    }

    private async Task<bool> CompareAfter(StoredCopy copy, nint source, TransferFence? after)
    {
        BeginCount();
        try
        {
            copy.BeginRead();
            try
            {
                return await _comparisons!.Begin(copy, source, after).ConfigureAwait(false);
            }
            finally
            {
                copy.EndRead();
            }
        }
        finally
        {
            EndTransfer();
        }
    }

    /// <summary>Stripe by stripe. Nothing writes to the copy meanwhile.</summary>
    private bool MatchesNow(StoredCopy copy, nint source) => _verification.Checksums is { } device ? MatchesOnDevice(device, copy, source) : MatchesOnHost(copy, source);

    private static bool MatchesOnHost(StoredCopy copy, nint source)
    {
        nint memory = source;
        for (int i = 0; i < copy.Stripes.Length; i++)
        {
            ref readonly var stripe = ref copy.Stripes[i];
            if (StripeChecksum.Compute(memory, stripe.Length, StripeChecksum.Seed(copy.TensorId, copy.Generation, i)) != stripe.Checksum)
                return false;
            memory += (nint)stripe.Length;
        }
        return true;
    }

    /// <summary>All at once: what comes back to the CPU is a word for each, and launches and waits cost more than passes over memory.</summary>
    private static bool MatchesOnDevice(DeviceChecksums device, StoredCopy copy, nint source)
    {
        var ranges = new GdsMemoryRange[copy.Stripes.Length];
        var checksums = new ulong[copy.Stripes.Length];
        nint memory = source;
        for (int i = 0; i < ranges.Length; i++)
        {
            ranges[i] = new GdsMemoryRange { Memory = memory, Bytes = (ulong)copy.Stripes[i].Length, Seed = StripeChecksum.Seed(copy.TensorId, copy.Generation, i) };
            memory += (nint)copy.Stripes[i].Length;
        }
        device.Compute(ranges, checksums);
        for (int i = 0; i < ranges.Length; i++)
        {
            if (checksums[i] != copy.Stripes[i].Checksum)
                return false;
        }
        return true;
    }

    /// <summary>Gives the copy's room back; the copy cannot be used again.</summary>
    /// <exception cref="InvalidOperationException">A transfer of it is in flight, or it was released before.</exception>
    public void Release(StoredCopy copy)
    {
        RequireOwn(copy);
        copy.MarkReleased();
        if (HostTier?.Release(copy) is { } spill)
            spill.Cancel();
        else
            Placement.Release(copy.Stripes);
    }

    /// <summary>
    /// The caller has the bytes of the copy, or newer ones: where the store has them in host memory alone it may drop them to make room, and the copy is then not valid any
    /// more. Until <see cref="Matches"/> says that the copy has the same bytes, or the next write.
    /// </summary>
    internal void MarkSpare(StoredCopy copy) => HostTier?.MarkSpare(copy);

    /// <summary>Sets host memory aside for writes with <see cref="WriteTarget.Host"/>; others leave so much of it alone.</summary>
    internal void SetPlannedHostBytes(long bytes) => HostTier?.SetPlannedShare(bytes);

    /// <summary>Waits for the transfers in flight, then removes the store with everything in it.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            if (_transfersInFlight == 0)
                _drained.Set();
        }
        foreach (var spill in HostTier?.Close() ?? [])
            spill.Cancel();
        _drained.Wait();
        foreach (var path in Paths)
            path.Dispose();
        HostTier?.Dispose();
        _leases?.Dispose();
        _comparisons?.Dispose();
        _verification.Dispose();
        foreach (var idle in _idleTransfers)
            idle.Dispose();
    }

    internal void EndTransfer()
    {
        lock (_lock)
        {
            if (--_transfersInFlight == 0 && _isDisposed)
                _drained.Set();
        }
    }

    /// <summary>One more to wait for in <see cref="Dispose"/>; the caller ends one of its own only after this.</summary>
    internal void CountTransfer()
    {
        lock (_lock)
            _transfersInFlight++;
    }

    /// <summary>For a part of a write or read that is counted.</summary>
    internal TensorTransfer RentTransfer()
    {
        lock (_lock)
            return IdleTransfer();
    }

    internal void Return(TensorTransfer transfer)
    {
        lock (_lock)
        {
            if (!_isDisposed)
            {
                _idleTransfers.Push(transfer);
                return;
            }
        }
        transfer.Dispose();
    }

    private TensorTransfer BeginTransfer()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _transfersInFlight++;
            return IdleTransfer();
        }
    }

    private TensorTransfer IdleTransfer() => _idleTransfers.TryPop(out var idle) ? idle : new TensorTransfer(this);

    /// <summary>A write or read begins that is made of several transfers.</summary>
    private void BeginCount()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _transfersInFlight++;
        }
    }

    private void Abandon(TensorTransfer transfer)
    {
        Return(transfer);
        EndTransfer();
    }

    /// <summary>What ends before it begins lets go whoever waits for it.</summary>
    private static ValueTask NotBegun(TransferFences fences, TransferStatus status, ValueTask end)
    {
        fences.Signals?.Signal(status, systemErrno: 0);
        return end;
    }

    private static void RequireNoFences(TransferFences fences) =>
        Debug.Assert(fences == default, "a host tier serves no device's memory, and fences order nothing else");

    private static TimeSpan Checked(TimeSpan deadline) => StoreOptions.IsDeadline(deadline)
        ? deadline
        : throw new ArgumentOutOfRangeException(nameof(deadline), deadline, $"A deadline is above 0 and at most {StoreOptions.LongestDeadline.TotalDays:F0} days.");

    private void RequireOwn(StoredCopy copy)
    {
        ArgumentNullException.ThrowIfNull(copy);
        if (copy.Store != this)
            throw new ArgumentException($"The copy of tensor {copy.TensorId} belongs to another store.", nameof(copy));
    }

    private static StorePath OpenPath(
        string path, StoreOptions options, StoreLeases? leases, DeviceVerification verification, ILogger logger, Func<string, PathOptions, ITransferBackend> createBackend)
    {
        var own = options.OptionsOf(path);
        var backend = createBackend(path, own);
        if (own.Emulated is { } device)
            backend = new ThrottledBackend(backend, device);
        if (leases is not null)
            backend = leases.Decorate(backend, path);
        StoreDirectory? directory = null;
        TransferFile? file = null;
        try
        {
            directory = StoreDirectory.Create(path, logger);
            file = backend.CreateFile(directory.StoreFilePath);
            logger.LogInformation("Store in {Path}: {Backend}, {Mode} I/O", directory.FullPath, backend.Name, file.IsDirect ? "direct" : "buffered");
            if (file.Backend == StorageBackend.Staged && file.Route is { } reason)
            {
                logger.LogInformation("Bytes for the device go {Reason} in {Path}; 'teraio doctor' tells how far GPUDirect Storage works here", reason, directory.FullPath);
            }
            else if (file.GoesThroughHostMemory)
            {
                logger.LogWarning(
                    "Bytes for the device go through host memory in {Path} ({Route}); 'teraio doctor' tells what GPUDirect Storage lacks", directory.FullPath, file.Route);
            }
            else if (file.Route is { } route)
            {
                logger.LogInformation("Bytes for the device go directly in {Path} ({Route})", directory.FullPath, route);
            }
            return new StorePath(path, own, options.StripeSize.Bytes, directory, backend, file, logger, options.MovesDeviceMemory, verification.Checksums);
        }
        catch
        {
            file?.Dispose();
            backend.Dispose();
            directory?.Dispose();
            throw;
        }
    }

    private static void RequireDistinct(IReadOnlyList<string> paths)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            if (string.IsNullOrWhiteSpace(path))
                throw new ConfigurationException("StoreOptions.Paths contains an empty path: name existing directories.");
            if (!seen.Add(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))))
                throw new ConfigurationException($"StoreOptions.Paths names {path} twice: a second entry adds no bandwidth. Name each directory once.") { Path = path };
        }
    }
}
