using TeraIO.Core.Interop;
using TeraIO.Core.Transfers;

namespace TeraIO.Hardware.Tests;

/// <summary>A queue of the storage library for device memory, one request at a time. The calling test is skipped where the backend does not work.</summary>
internal sealed unsafe class GpuQueue : IDisposable
{
    private const uint CudaMemory = 2;
    private const int TimeoutMilliseconds = 60_000;

    private readonly GdsQueueHandle _queue;
    private ulong _token;

    private GpuQueue(GdsQueueHandle queue) => _queue = queue;

    public static GpuQueue Require(uint backend, string name)
    {
        NativeMethods.Gds.EnsureLoaded();
        var options = new GdsQueueOptions { StructSize = (uint)sizeof(GdsQueueOptions), Backend = backend };
        if (NativeMethods.Gds.QueueCreate(&options, out nint queue) != TransferStatus.Ok) Assert.Ignore($"The backend {name} does not work here: {NativeMethods.Gds.LastError()}");
        return new GpuQueue(new GdsQueueHandle(queue));
    }

    public void Move(TransferDirection direction, GdsFileHandle file, nint deviceMemory, long offset, long length)
    {
        var request = new GdsRequest
        {
            StructSize = (uint)sizeof(GdsRequest),
            Operation = (uint)direction,
            MemoryKind = CudaMemory,
            BufferIndex = GdsRequest.NoBuffer,
            File = file.DangerousGetHandle(),
            Memory = deviceMemory,
            Offset = (ulong)offset,
            Length = (ulong)length,
            Token = ++_token,
        };
        uint count = 0;
        Assert.That(NativeMethods.Gds.Submit(_queue, &request, 1, &count), Is.EqualTo(TransferStatus.Ok), NativeMethods.Gds.LastError());
        GdsCompletion completion;
        Assert.That(NativeMethods.Gds.Wait(_queue, &completion, 1, TimeoutMilliseconds, &count), Is.EqualTo(TransferStatus.Ok));
        Assert.That((count, completion.Status, completion.SystemErrno, completion.Bytes), Is.EqualTo((1u, TransferStatus.Ok, 0, (ulong)length)), $"{direction} of {length} bytes at {offset}");
    }

    public void Dispose() => _queue.Dispose();
}
