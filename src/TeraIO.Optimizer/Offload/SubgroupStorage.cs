using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;
using TeraIO.Optimizer.Layout;

namespace TeraIO.Optimizer.Offload;

/// <summary>
/// Where each subgroup's state is: on storage, or in a buffer whose bytes are newer. A buffer is given up only after its write has completed, so a
/// failed write loses nothing. Counts the bytes that moved. Calls for different subgroups may run at once.
/// </summary>
internal sealed class SubgroupStorage : IDisposable
{
    private readonly TensorStore _store;
    private readonly OptimizerOffloadOptions _options;
    private readonly StoredCopy?[] _state;
    private readonly StoredCopy?[] _gradients;
    private readonly SubgroupBuffer?[] _resident;
    private readonly bool[] _isGradientStored;
    private readonly BufferPool _pool;
    private long _stateRead;
    private long _stateWritten;
    private long _gradientsRead;
    private long _gradientsWritten;

    public SubgroupStorage(TensorStore store, ParameterLayout layout, OptimizerOffloadOptions options, int buffers)
    {
        _store = store;
        _options = options;
        int count = layout.Subgroups.Count;
        _state = new StoredCopy?[count];
        _gradients = new StoredCopy?[options.StoresGradients ? count : 0];
        _isGradientStored = new bool[count];
        _resident = new SubgroupBuffer?[count];
        _pool = new BufferPool(buffers, options.BufferBytes(layout));
    }

    /// <summary>Bytes moved so far.</summary>
    public StepTraffic Traffic => new(
        Interlocked.Read(ref _stateRead), Interlocked.Read(ref _stateWritten), Interlocked.Read(ref _gradientsRead), Interlocked.Read(ref _gradientsWritten));

    /// <summary>Takes room on storage.</summary>
    public void Reserve(ParameterLayout layout)
    {
        foreach (Subgroup subgroup in layout.Subgroups)
        {
            _state[subgroup.Index] = _store.Reserve(subgroup.Index, 4 * _options.StateWords * subgroup.Elements);
            if (_options.StoresGradients) _gradients[subgroup.Index] = _store.Reserve(_state.Length + subgroup.Index, 4 * subgroup.Elements);
        }
    }

    public bool IsResident(Subgroup subgroup) => _resident[subgroup.Index] is not null;

    public Task<SubgroupBuffer> RentAsync(CancellationToken ct) => _pool.RentAsync(ct);

    public void Return(SubgroupBuffer buffer) => _pool.Return(buffer);

    /// <summary>The buffer that holds the subgroup's state, now the caller's.</summary>
    public SubgroupBuffer TakeResident(Subgroup subgroup)
    {
        SubgroupBuffer buffer = _resident[subgroup.Index] ?? throw new InvalidOperationException($"Subgroup {subgroup.Index} is not in memory.");
        _resident[subgroup.Index] = null;
        return buffer;
    }

    /// <summary>Leaves the subgroup in memory.</summary>
    public void Keep(Subgroup subgroup, SubgroupBuffer buffer) => _resident[subgroup.Index] = buffer;

    /// <summary>Reads the state, unless the buffer has it, and the gradients where they travel with it. On failure the buffer is still the caller's.</summary>
    public async Task ReadAsync(Subgroup subgroup, SubgroupBuffer buffer, bool hasState, bool withGradients, CancellationToken ct)
    {
        Task gradients = Task.CompletedTask;
        if (withGradients)
        {
            if (!_isGradientStored[subgroup.Index]) throw new InvalidOperationException("The step's gradients are not on storage: call StoreGradientsAsync before StepAsync.");
            gradients = _store.ReadAsync(_gradients[subgroup.Index]!, GradientsOf(subgroup, buffer), TransferPriority.Normal, ct).AsTask();
        }

        Task state = hasState ? Task.CompletedTask : _store.ReadAsync(_state[subgroup.Index]!, buffer.Address, TransferPriority.Normal, ct).AsTask();
        await Task.WhenAll(state, gradients).ConfigureAwait(false);
        if (!hasState) Interlocked.Add(ref _stateRead, _state[subgroup.Index]!.Bytes);
        if (withGradients) Interlocked.Add(ref _gradientsRead, 4 * subgroup.Elements);
    }

    /// <summary>Writes the state and gives the buffer back; where the write fails the subgroup stays in memory.</summary>
    public async Task FlushAsync(Subgroup subgroup, SubgroupBuffer buffer, CancellationToken ct)
    {
        try
        {
            await _store.WriteAsync(_state[subgroup.Index]!, buffer.Address, TransferPriority.Normal, ct).ConfigureAwait(false);
        }
        catch
        {
            Keep(subgroup, buffer);
            throw;
        }

        Interlocked.Add(ref _stateWritten, _state[subgroup.Index]!.Bytes);
        _pool.Return(buffer);
    }

    /// <summary>Writes the state for the first time, uncounted. The buffer stays the caller's.</summary>
    public ValueTask WriteInitialAsync(Subgroup subgroup, SubgroupBuffer buffer, CancellationToken ct) =>
        _store.WriteAsync(_state[subgroup.Index]!, buffer.Address, TransferPriority.Normal, ct);

    /// <summary>Shows the subgroup's state as it is now, in memory or read for the purpose (uncounted).</summary>
    public async Task LookAsync(Subgroup subgroup, Action<SubgroupBuffer> look, CancellationToken ct)
    {
        if (_resident[subgroup.Index] is { } resident)
        {
            look(resident);
            return;
        }

        // A buffer of its own: all others may be in the tail cache.
        using var buffer = new SubgroupBuffer(_state[subgroup.Index]!.Bytes);
        await _store.ReadAsync(_state[subgroup.Index]!, buffer.Address, TransferPriority.Normal, ct).ConfigureAwait(false);
        look(buffer);
    }

    /// <summary>Writes gradients that lie at the beginning of the buffer. The buffer stays the caller's.</summary>
    public async Task WriteGradientsAsync(Subgroup subgroup, SubgroupBuffer buffer, CancellationToken ct)
    {
        _isGradientStored[subgroup.Index] = false;
        await _store.WriteAsync(_gradients[subgroup.Index]!, buffer.Address, TransferPriority.Normal, ct).ConfigureAwait(false);
        _isGradientStored[subgroup.Index] = true;
        Interlocked.Add(ref _gradientsWritten, 4 * subgroup.Elements);
    }

    /// <summary>Gradients are those of one step only.</summary>
    public void ForgetGradients() => Array.Clear(_isGradientStored);

    /// <summary>Where gradients lie in a buffer; 0 where they do not travel with the state.</summary>
    public nint GradientsOf(Subgroup subgroup, SubgroupBuffer buffer) =>
        _options.StoresGradients ? buffer.Address + (nint)(4 * _options.StateWords * subgroup.Elements) : 0;

    public void Dispose()
    {
        foreach (SubgroupBuffer? buffer in _resident) buffer?.Dispose();
        _pool.Dispose();
        foreach (StoredCopy? copy in _state.Concat(_gradients))
        {
            if (copy is not null) _store.Release(copy);
        }
    }
}
