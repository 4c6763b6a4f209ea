using System.Runtime.InteropServices;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Transfers;

/// <summary>native/gds_shim behind <see cref="ITransferBackend"/>: one queue, its files, no policy.</summary>
internal sealed unsafe class NativeTransferBackend : ITransferBackend
{
    private const int MostCompletionsAtOnce = 64;
    private const uint CudaMemory = 2;

    private readonly GdsQueueHandle _queue;
    private readonly uint _memoryKind;
    private readonly StorageBackend _kind;
    private readonly string? _reason;
    private bool _isCounting;

    /// <param name="backend">Which kernel interface.</param>
    /// <param name="queueDepth">1 MiB chunks in flight at once.</param>
    /// <param name="mostRequests">Requests held, queued ones included.</param>
    /// <param name="device">Ordinal of the GPU, for <see cref="StorageBackend.Staged"/>.</param>
    /// <param name="cuFile">Settings for <see cref="StorageBackend.CuFile"/>.</param>
    /// <param name="reason">Why it is this backend, to be told with the route of files.</param>
    /// <exception cref="ConfigurationException">The backend does not work on this machine, or the library is missing.</exception>
    public NativeTransferBackend(StorageBackend backend, int queueDepth, int mostRequests, int device = 0, CuFileOptions? cuFile = null, string? reason = null)
    {
        NativeMethods.Gds.EnsureLoaded();
        var options = new GdsQueueOptions
        {
            StructSize = (uint)sizeof(GdsQueueOptions),
            Backend = (uint)backend,
            QueueDepth = (uint)queueDepth,
            MaxRequests = (uint)mostRequests,
            Device = (uint)device,
        };
        nint queue = 0;
        var status = backend == StorageBackend.CuFile ? CuFileDriver.Open(cuFile, () => Create(options, out queue)) : Create(options, out queue);
        if (status != TransferStatus.Ok)
        {
            throw new ConfigurationException(
                $"The storage backend {backend} does not work here: {NativeMethods.Gds.LastError()}. Choose another StoreOptions.Backend or QueueDepth (64 at most with threads).");
        }
        _queue = new GdsQueueHandle(queue);
        uint used = 0;
        _ = NativeMethods.Gds.QueueBackend(_queue, &used);
        Name = (StorageBackend)used switch
        {
            StorageBackend.IoUring => "io_uring",
            StorageBackend.CuFile => "cuFile",
            StorageBackend.Staged => "staged",
            _ => "threads",
        };
        _kind = (StorageBackend)used;
        _reason = reason;
        _memoryKind = StoreOptions.IsForDeviceMemory(_kind) ? CudaMemory : 0;
        if (cuFile is { CollectStatistics: true } && _kind == StorageBackend.CuFile)
            BeginStatistics();
    }

    public string Name { get; }

    public TransferFile CreateFile(string path)
    {
        var status = NativeMethods.Gds.FileOpen(path, GdsFileFlags.Create | GdsFileFlags.Direct, out nint file);
        if (status != TransferStatus.Ok)
        {
            throw new ConfigurationException(
                $"The store file {path} cannot be created: {NativeMethods.Gds.LastError()}. Choose another directory in StoreOptions.Paths.")
            { Path = path };
        }
        return new NativeFile(path, new GdsFileHandle(file), _kind, _reason);
    }

    public TransferStatus Allocate(TransferFile file, long size, out string? reason)
    {
        var status = NativeMethods.Gds.FileAllocate(((NativeFile)file).Handle, (ulong)size);
        reason = status == TransferStatus.Ok ? null : NativeMethods.Gds.LastError();
        return status;
    }

    public TransferStatus Submit(in BackendRequest request)
    {
        var native = new GdsRequest
        {
            StructSize = (uint)sizeof(GdsRequest),
            Operation = (uint)request.Direction,
            MemoryKind = _memoryKind,
            BufferIndex = GdsRequest.NoBuffer,
            // The store closes files only after the engine has drained, so the pointer outlives the request.
            File = ((NativeFile)request.File).Handle.DangerousGetHandle(),
            Memory = request.Memory,
            Offset = (ulong)request.Offset,
            Length = (ulong)request.Length,
            Token = request.Token,
            Priority = request.Priority,
        };
        uint accepted = 0;
        // The fence itself is needed for the call only: its moment is kept.
        bool isHeld = false;
        try
        {
            if (request.After is { } fence)
            {
                fence.Handle.DangerousAddRef(ref isHeld);
                native.After = fence.Handle.DangerousGetHandle();
            }
            return NativeMethods.Gds.Submit(_queue, &native, 1, &accepted);
        }
        finally
        {
            if (isHeld)
                request.After!.Handle.DangerousRelease();
        }
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        var native = stackalloc GdsCompletion[MostCompletionsAtOnce];
        uint capacity = (uint)Math.Min(completions.Length, MostCompletionsAtOnce);
        uint collected = 0;
        var status = NativeMethods.Gds.Wait(_queue, native, capacity, timeoutMilliseconds: -1, &collected);
        count = (int)collected;
        for (int i = 0; i < count; i++)
        {
            ref readonly var completion = ref native[i];
            completions[i] = new BackendCompletion(
                completion.Token, completion.Status, completion.SystemErrno, (long)completion.Bytes, (long)completion.LatencyNanoseconds);
        }
        return status;
    }

    public void Wake() => _ = NativeMethods.Gds.Wake(_queue);

    public void Cancel(ulong token) => _ = NativeMethods.Gds.Cancel(_queue, token);

    public void Dispose()
    {
        if (_isCounting)
            CuFileDriver.EndStatistics();
        _isCounting = false;
        _queue.Dispose();
    }

    private static TransferStatus Create(GdsQueueOptions options, out nint queue) => NativeMethods.Gds.QueueCreate(&options, out queue);

    private void BeginStatistics()
    {
        try
        {
            _isCounting = CuFileDriver.BeginStatistics();
        }
        catch
        {
            _queue.Dispose();
            throw;
        }
    }

    private sealed class NativeFile : TransferFile
    {
        public NativeFile(string path, GdsFileHandle handle, StorageBackend kind, string? reason)
            : base(path)
        {
            Handle = handle;
            Backend = kind;
            Route = reason;
            var info = new GdsFileInfo { StructSize = (uint)sizeof(GdsFileInfo) };
            if (NativeMethods.Gds.FileGetInfo(handle, &info) != TransferStatus.Ok)
            {
                handle.Dispose();
                throw new StorageException($"The store file {path} cannot be examined: {NativeMethods.Gds.LastError()}. Check the file system.") { Path = path };
            }
            IsDirect = info.Direct != 0;
            FreeBytes = (long)ulong.Min(info.FreeBytes, long.MaxValue);
            if (kind == StorageBackend.CuFile)
            {
                (string route, GoesThroughHostMemory) = FindRoute();
                Route = reason is null ? route : $"{route}; {reason}";
            }
        }

        public GdsFileHandle Handle { get; }

        public override bool IsDirect { get; }

        public override long FreeBytes { get; }

        public override StorageBackend Backend { get; }

        public override string? Route { get; }

        public override bool GoesThroughHostMemory { get; }

        protected override void Dispose(bool disposing) => Handle.Dispose();

        /// <summary>Registers the file with cuFile too: one that it refuses is refused here, not in the middle of a training.</summary>
        private (string Route, bool GoesThroughHostMemory) FindRoute()
        {
            const int Capacity = 512;
            byte* why = stackalloc byte[Capacity];
            var route = new GdsRoute { StructSize = (uint)sizeof(GdsRoute) };
            if (NativeMethods.Gds.FileGetRoute(Handle, device: -1, &route, why, Capacity) != TransferStatus.Ok)
            {
                Handle.Dispose();
                throw new ConfigurationException(
                    $"cuFile does not take the store file {Path}: {NativeMethods.Gds.LastError()}. Choose another directory in StoreOptions.Paths or another StoreOptions.Backend.")
                { Path = Path };
            }
            return (Marshal.PtrToStringUTF8((nint)why)!, route.Expected == GdsRouteKind.Compatibility);
        }
    }
}
