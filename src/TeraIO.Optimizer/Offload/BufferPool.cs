using System.Collections.Concurrent;

namespace TeraIO.Optimizer.Offload;

/// <summary>A fixed number of buffers, allocated when first needed; who wants one when all are out waits. Thread-safe.</summary>
internal sealed class BufferPool(int buffers, long bufferBytes) : IDisposable
{
    private readonly ConcurrentStack<SubgroupBuffer> _idle = new();
    private readonly SemaphoreSlim _free = new(buffers);

    public async Task<SubgroupBuffer> RentAsync(CancellationToken ct)
    {
        await _free.WaitAsync(ct).ConfigureAwait(false);
        return _idle.TryPop(out SubgroupBuffer? buffer) ? buffer : new SubgroupBuffer(bufferBytes);
    }

    public void Return(SubgroupBuffer buffer)
    {
        _idle.Push(buffer);
        _free.Release();
    }

    /// <summary>Frees what is idle; what is out is freed by who has it.</summary>
    public void Dispose()
    {
        while (_idle.TryPop(out SubgroupBuffer? buffer)) buffer.Dispose();
        _free.Dispose();
    }
}
