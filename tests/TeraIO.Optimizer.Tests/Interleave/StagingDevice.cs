using TeraIO.Optimizer.Interleave;
using TeraIO.Optimizer.Update;
using TeraIO.TestSupport;

namespace TeraIO.Optimizer.Tests.Interleave;

/// <summary>Test double: a second CPU executor that behaves like a device: copies the state to memory of its own, updates it there, and copies it back.</summary>
internal sealed class StagingDevice(int stagingSets) : IUpdateExecutor, IDisposable
{
    private readonly SemaphoreSlim _staging = new(stagingSets);
    private int _updates;

    public string Name => "staging double";

    /// <summary>The update with this number, from 1, fails; 0 for none.</summary>
    public int FailsOn { get; init; }

    public async Task UpdateAsync(SubgroupUpdate update)
    {
        await _staging.WaitAsync();
        try
        {
            await Task.Run(() => Update(update));
        }
        finally
        {
            _staging.Release();
        }
    }

    public void Dispose() => _staging.Dispose();

    private unsafe void Update(SubgroupUpdate update)
    {
        if (Interlocked.Increment(ref _updates) == FailsOn) throw new IOException("the double lost its memory");
        using var memory = new UnmanagedBytes((int)update.StateBytes);
        var host = new Span<byte>((void*)update.State, memory.Length);
        host.CopyTo(memory.Span);
        update.Run(memory.Address, 0, update.Subgroup.Elements);
        memory.Span.CopyTo(host);
    }
}
