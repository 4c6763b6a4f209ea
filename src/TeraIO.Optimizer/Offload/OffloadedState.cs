using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Interleave;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Offload;

/// <summary>
/// Optimizer state on a <see cref="TensorStore"/>, updated subgroup by subgroup: while one is updated, the next are fetched and those before are flushed, within a
/// fixed number of host buffers. The last subgroups of a step stay in memory and are the first of the next (MLP-Offload, SC'25).
/// </summary>
/// <remarks>
/// One call at a time. A step that failed or was canceled can be repeated with the same arguments: subgroups that it had updated are kept and not updated
/// again. Only a failure in the middle of an update itself (a gradient source that throws, a device that loses memory) makes the state unusable.
/// </remarks>
public sealed class OffloadedState : IDisposable
{
    private readonly OptimizerOffloadOptions _options;
    private readonly SubgroupStorage _storage;
    private readonly CpuExecutor _cpu;
    private readonly long[] _updates;
    private long _gradientsWrittenBefore;
    private bool _isBroken;
    private bool _isDisposed;

    private OffloadedState(TensorStore store, ParameterLayout layout, OptimizerOffloadOptions options)
    {
        _options = options;
        Layout = layout;
        (Buffers, CachedSubgroups) = options.Plan(layout);
        _storage = new SubgroupStorage(store, layout, options, Buffers);
        _cpu = new CpuExecutor(options.Threads);
        _updates = new long[layout.Subgroups.Count];
    }

    /// <summary>Which parameters are in which subgroup.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>Host buffers, the tail cache included.</summary>
    public int Buffers { get; }

    /// <summary>Subgroups that stay in memory between steps.</summary>
    public int CachedSubgroups { get; }

    /// <summary>Host memory of all buffers.</summary>
    public ByteSize HostBytes => new(Buffers * _options.BufferBytes(Layout));

    /// <summary>Steps completed.</summary>
    public long Step { get; private set; }

    /// <summary>Bytes moved since the initial state was written.</summary>
    public StepTraffic Traffic => _storage.Traffic;

    /// <summary>Reserves storage for the state and writes the initial one: the model's parameters as FP32, moments of zero.</summary>
    /// <param name="store">Keeps the state; not owned, must outlive the result.</param>
    /// <param name="layout">The subgroups.</param>
    /// <param name="options">How to keep and update it.</param>
    /// <param name="parameters">The model's tensors, in the order of the layout.</param>
    /// <param name="ct">Ends it early; nothing stays reserved.</param>
    /// <exception cref="ConfigurationException">An option is out of range or the budget too small.</exception>
    /// <exception cref="TeraIOException">The store is full or failed.</exception>
    public static async Task<OffloadedState> CreateAsync(
        TensorStore store, ParameterLayout layout, OptimizerOffloadOptions options, IReadOnlyList<HostTensor> parameters, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(options);
        var state = new OffloadedState(store, layout, options);
        try
        {
            state.RequireModel(parameters);
            state._storage.Reserve(layout);
            await state.ForEachAsync(async (subgroup, buffer) =>
            {
                StateRecord.Initialise(buffer.Address, subgroup, parameters, options.KeepsMasterParameters);
                await state._storage.WriteInitialAsync(subgroup, buffer, ct).ConfigureAwait(false);
            }, ct).ConfigureAwait(false);
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes the step's gradients to storage as FP32, for <see cref="OptimizerOffloadOptions.StoresGradients"/>: what the baseline does during backward. Uses the
    /// buffers that are not cached.
    /// </summary>
    /// <param name="gradients">Of every tensor; one without a gradient is written as zeros and left out of the update.</param>
    /// <param name="ct">Ends it early.</param>
    /// <exception cref="TeraIOException">Storage failed; it can be repeated.</exception>
    public async Task StoreGradientsAsync(IGradientSource gradients, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        RequireUsable();
        if (!_options.StoresGradients) throw new InvalidOperationException("OptimizerOffloadOptions.StoresGradients is off: gradients are read where they are.");
        await ForEachAsync(async (subgroup, buffer) =>
        {
            await gradients.ReadyAsync(subgroup).ConfigureAwait(false);
            StateRecord.CopyGradients(buffer.Address, subgroup, gradients);
            await _storage.WriteGradientsAsync(subgroup, buffer, ct).ConfigureAwait(false);
        }, ct).ConfigureAwait(false);
    }

    /// <summary>One AdamW step over all subgroups.</summary>
    /// <param name="parameters">The model's tensors; they get the new values. FP32 where there are no master parameters, else any format.</param>
    /// <param name="gradients">The step's gradients; with <see cref="OptimizerOffloadOptions.StoresGradients"/> only asked which tensors have one.</param>
    /// <param name="scalars">Of each tensor; <see langword="null"/> for tensors that take no part.</param>
    /// <param name="ct">Ends it between subgroups; the step can then be repeated.</param>
    /// <exception cref="TeraIOException">Storage failed beyond the store's retries; the step can be repeated.</exception>
    public async Task<UpdateReport> StepAsync(
        IReadOnlyList<HostTensor> parameters, IGradientSource gradients, IReadOnlyList<AdamWScalars?> scalars, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        ArgumentNullException.ThrowIfNull(scalars);
        RequireUsable();
        RequireModel(parameters);
        if (scalars.Count != parameters.Count) throw new ArgumentException($"{scalars.Count} sets of scalars for {parameters.Count} tensors.", nameof(scalars));
        AdamWScalars?[] taking = [.. scalars.Select((s, tensor) => gradients.HasGradient(tensor) ? s : null)];
        var step = new AdamWStep(parameters, gradients, taking, _options.Arithmetic, _options.KeepsMasterParameters);
        IEnumerable<Subgroup> order = TrafficModel.IsDescending(_options.Order, Step + 1) ? Layout.Subgroups.Reverse() : Layout.Subgroups;
        var run = new StepRun(_storage, _options, _cpu, step, Step + 1, _updates, order, CachedSubgroups);
        try
        {
            await run.RunAsync(ct).ConfigureAwait(false);
        }
        finally
        {
            _isBroken = run.IsStateLost;
        }

        Step++;
        _storage.ForgetGradients();
        long written = _storage.Traffic.GradientsWritten;
        UpdateReport report = run.Report(written - _gradientsWrittenBefore);
        _gradientsWrittenBefore = written;
        return report;
    }

    /// <summary>Reads the state of one tensor, for a checkpoint or a look at it.</summary>
    /// <param name="tensor">Index of the tensor.</param>
    /// <param name="master">Gets the FP32 parameters, as many as the tensor has; ignored where there are no master parameters.</param>
    /// <param name="first">Gets the first moment.</param>
    /// <param name="second">Gets the second moment.</param>
    /// <param name="ct">Ends it early.</param>
    /// <exception cref="TeraIOException">Storage failed.</exception>
    public async Task ReadAsync(int tensor, Memory<float> master, Memory<float> first, Memory<float> second, CancellationToken ct = default)
    {
        RequireUsable();
        Memory<float>[] fields = _options.KeepsMasterParameters ? [master, first, second] : [first, second];
        foreach (Subgroup subgroup in Layout.Subgroups.Where(s => s.Pieces.Any(p => p.Tensor == tensor)))
        {
            await _storage.LookAsync(subgroup, buffer =>
            {
                foreach (TensorPiece piece in subgroup.Pieces.Where(p => p.Tensor == tensor)) StateRecord.CopyFields(buffer.Address, subgroup, piece, fields);
            }, ct).ConfigureAwait(false);
        }
    }

    /// <summary>Frees the buffers and gives the storage back. Not while a call is under way.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _storage.Dispose();
    }

    /// <summary>Runs the action for every subgroup with a buffer, as many at once as there are free buffers. All have ended when this ends.</summary>
    private async Task ForEachAsync(Func<Subgroup, SubgroupBuffer, Task> action, CancellationToken ct)
    {
        var running = new List<Task>();
        try
        {
            foreach (Subgroup subgroup in Layout.Subgroups) running.Add(RunAsync(subgroup, await _storage.RentAsync(ct).ConfigureAwait(false)));
        }
        finally
        {
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(running).ConfigureAwait(false);

        async Task RunAsync(Subgroup subgroup, SubgroupBuffer buffer)
        {
            try
            {
                await action(subgroup, buffer).ConfigureAwait(false);
            }
            finally
            {
                _storage.Return(buffer);
            }
        }
    }

    private void RequireModel(IReadOnlyList<HostTensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Count != Layout.Tensors.Count)
            throw new ArgumentException($"{parameters.Count} tensors for a layout of {Layout.Tensors.Count}.", nameof(parameters));
        for (int i = 0; i < parameters.Count; i++)
        {
            if (parameters[i].Elements != Layout.Tensors[i])
                throw new ArgumentException($"Tensor {i} has {parameters[i].Elements} elements instead of {Layout.Tensors[i]}.", nameof(parameters));
            if (!_options.KeepsMasterParameters && parameters[i].Format != ElementFormat.Fp32)
                throw new ConfigurationException($"Tensor {i} is {parameters[i].Format}: parameters that are not FP32 need OptimizerOffloadOptions.KeepsMasterParameters.");
        }
    }

    private void RequireUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_isBroken)
            throw new InvalidOperationException("The optimizer state is lost: an update failed in the middle of a subgroup. Start again from a checkpoint.");
    }
}
