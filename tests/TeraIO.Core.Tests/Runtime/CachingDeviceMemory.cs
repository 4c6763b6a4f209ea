using System.Collections.Concurrent;
using TeraIO.Core.Tests.Storage;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>
/// Test double for libtorch's memory on a <see cref="StandinGpu"/>, with a caching allocator: what is freed is given out again at once, whatever queued kernels still do with it, and the latest first.
/// </summary>
internal sealed class CachingDeviceMemory(StandinGpu gpu) : HeapStorageMemory
{
    private readonly ConcurrentDictionary<int, ConcurrentStack<nint>> _freed = [];
    private readonly Lock _allocating = new();

    public override Span<byte> View(nint address, int bytes) => gpu.View(address, bytes);

    protected override nint AllocateBytes(int bytes)
    {
        if (_freed.GetOrAdd(bytes, static _ => []).TryPop(out nint freed)) return freed;
        lock (_allocating) return gpu.Allocate(bytes);
    }

    protected override void FreeBytes(nint address, int bytes) => _freed.GetOrAdd(bytes, static _ => []).Push(address);
}
