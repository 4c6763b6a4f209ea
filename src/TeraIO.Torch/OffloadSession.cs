using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Runtime;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;
using TeraIO.Torch.Interop;
using TeraIO.Torch.Observation;
using TeraIO.Torch.Planning;
using TeraIO.Torch.Runtime;
using TorchSharp;

namespace TeraIO.Torch;

/// <summary>
/// Keeps live tensor bytes under a budget while an unchanged TorchSharp program trains: idle storages - parameters,
/// gradients, optimizer state, saved activations - leave memory for files and come back before an op needs them. Results do not change in a
/// single bit.
/// </summary>
/// <remarks>
/// <para>
/// On a CUDA device (<see cref="OffloadOptions.Device"/>) transfers keep the order of the kernels of one stream: an op that runs on another one is refused, and so sets <see cref="Failure"/>. The budget counts
/// tensors; libtorch's caching allocator takes more from the device.
/// </para>
/// <para>One session per process at a time. Members are thread-safe; ops may run on any thread.</para>
/// <para>
/// Code that reads tensor data directly (<c>tensor.data&lt;T&gt;()</c>, <c>module.save</c>) is invisible to the session: do it inside
/// <see cref="Pin"/> or <see cref="RestoreAll"/>. Without them libtorch throws on access to an offloaded tensor.
/// </para>
/// <para>
/// An error while an op runs (a read that fails its checksum, a budget too small for the op) surfaces as an exception of that op from TorchSharp;
/// <see cref="Failure"/> then holds the full explanation.
/// </para>
/// </remarks>
public sealed class OffloadSession : IDisposable
{
    private readonly TensorStore? _store;
    private readonly KernelOrder? _kernels;
    private readonly OnDemandEngine _engine;
    private readonly ObserverBridge _bridge;
    private readonly PlannedRun? _planned;
    private readonly SessionPlanner? _planner;
    private long _budget;
    private bool _disposed;

    private OffloadSession(TensorStore? store, KernelOrder? kernels, OnDemandEngine engine, ObserverBridge bridge, PlannedRun? planned, SessionPlanner? planner, long budget)
    {
        _planned = planned;
        _planner = planner;
        _store = store;
        _kernels = kernels;
        _engine = engine;
        _bridge = bridge;
        _budget = budget;
    }

    /// <summary>The limit on live tensor bytes; null when the session only observes.</summary>
    public ByteSize? MemoryBudget => _budget == long.MaxValue ? null : new ByteSize(_budget);

    /// <summary>
    /// The first error inside an op since the session began, or why it moves nothing any more; or null. With <see cref="ReadWaits.InStream"/> a failed read shows before the next op that brings data out of the
    /// device, or at the end of the step.
    /// </summary>
    public TeraIOException? Failure => _engine.Stopped ?? _bridge.Failure;

    /// <summary>The steady training step as the planner sees it; null before two equal steps, and in other modes than <see cref="OffloadMode.Planned"/>.</summary>
    public Trace? Trace => _planned?.Trace;

    /// <summary>The plan that is carried out; null as long as <see cref="Trace"/> is.</summary>
    public MigrationPlan? Plan => _planned?.Plan;

    /// <summary>
    /// The waits of the last whole step, op by op, with their causes. On a CUDA device, in a step whose ops were timed there, only as far as the device had nothing left to do. Empty in other modes than <see cref="OffloadMode.Planned"/>.
    /// </summary>
    public IReadOnlyList<StallOfOp> LastStalls => _planned?.LastStalls ?? [];

    /// <summary>How the last two steps that ran without a plan differ: the first op that is not the same. Null when they are equal.</summary>
    public string? LastDifference => _planned?.LastDifference;

    /// <summary>Counters of the host tier since the session began; null without <see cref="OffloadOptions.HostMemory"/>.</summary>
    public HostTierStatistics? HostMemory => _store?.Statistics.HostMemory;

    /// <summary>
    /// Counters of each storage path since the session began, in the order of <see cref="OffloadOptions.StoragePaths"/>, and on a CUDA device which backend it was given and why. Empty without a budget.
    /// </summary>
    public IReadOnlyList<PathStatistics> StoragePaths => _store?.Statistics.Paths ?? [];

    /// <summary>Who compares what comes back from the store with what was written. Only with checksums an unchanged tensor is dropped instead of being written again.</summary>
    public ReadVerification ReadVerification => _store?.Statistics.ReadVerification ?? ReadVerification.None;

    /// <summary>Why a CUDA device has no checksums though <see cref="OffloadOptions.VerifyReads"/> is not off: its driver's or the self-proof's words. Null: it has, or the tensors are on the CPU.</summary>
    public string? UnverifiedBecause => _store?.Statistics.UnverifiedBecause;

    /// <summary>Counters since the session began.</summary>
    public unsafe OffloadStatistics Statistics
    {
        get
        {
            var observed = new ObserverStatistics { StructSize = (uint)sizeof(ObserverStatistics) };
            ObserverNative.GetStatistics(&observed);
            EngineStatistics engine = _engine.Statistics;
            return new OffloadStatistics
            {
                LiveBytes = new ByteSize((long)observed.LiveBytes),
                PeakLiveBytes = new ByteSize((long)observed.PeakBytes),
                ReservedBytes = observed.ReservedBytes == 0 ? null : new ByteSize((long)observed.ReservedBytes),
                BytesRead = new ByteSize(engine.BytesRead),
                BytesWritten = new ByteSize(engine.BytesWritten),
                BytesDroppedClean = new ByteSize(engine.BytesDroppedClean),
                Offloads = engine.Offloads,
                Prefetches = engine.Prefetches,
                StallTime = engine.StallTime,
                LatePrefetchTime = engine.LatePrefetchTime,
                OnDemandReadTime = engine.OnDemandReadTime,
                NoRoomTime = engine.NoRoomTime,
                StreamWaits = engine.StreamWaits,
                TimedStreamWaits = engine.TimedStreamWaits,
                StreamWaitTime = engine.StreamWaitTime,
                PlannedSteps = _planned?.PlannedSteps ?? 0,
                Divergences = _planned?.Divergences ?? 0,
                FailedMigrations = _planned?.FailedMigrations ?? 0,
                PlanningTime = _planned?.PlanningTime ?? TimeSpan.Zero,
                SmallestBudget = new ByteSize(engine.SmallestBudget),
                LargestWorkingSetOp = engine.LargestWorkingSetOp,
                Operations = (long)observed.Operations,
            };
        }
    }

    /// <summary>
    /// Begins a session before the model exists: the budget holds from the first parameter on, so that the model need never fit in memory.
    /// Follow with <see cref="Register"/>.
    /// </summary>
    /// <exception cref="ConfigurationException">An option or a storage path is unusable, libtorch is missing or not supported, or a session is active already.</exception>
    /// <exception cref="TraceFormatException">The file of <see cref="OffloadOptions.BandwidthProfile"/> is needed and is no profile.</exception>
    /// <exception cref="StorageFullException">The store's capacity could not be preallocated.</exception>
    public static OffloadSession Begin(OffloadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        TorchRuntime.Initialize();
        long budget = options.MemoryBudget?.Bytes ?? long.MaxValue;
        TensorStore? store = options.MemoryBudget is null ? null : TensorStore.Open(options.ToStoreOptions());
        return Begin(options, store, budget);
    }

    /// <summary><see cref="Begin(OffloadOptions)"/> and <see cref="Register"/> for a model that is in memory already.</summary>
    /// <inheritdoc cref="Begin(OffloadOptions)" path="/exception"/>
    public static OffloadSession Attach(torch.nn.Module model, torch.optim.Optimizer? optimizer, OffloadOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        OffloadSession session = Begin(options);
        try
        {
            session.Register(model, optimizer);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes a model's parameters and buffers, and the parameters of an optimizer, known by name; memory allocated before the session began is
    /// counted and may move from now on.
    /// </summary>
    /// <exception cref="TeraIOException">Room for them could not be made under the budget.</exception>
    public void Register(torch.nn.Module model, torch.optim.Optimizer? optimizer = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in model.named_parameters()) Name(parameter, name);
        foreach ((string name, torch.Tensor buffer) in model.named_buffers()) Name(buffer, name);
        if (optimizer is not null)
        {
            foreach (TorchSharp.Modules.Parameter parameter in optimizer.parameters()) Name(parameter, null);
        }

        ThrowIfFailed();
    }

    /// <summary>
    /// Marks one training step, until its scope is disposed. It gives per-step statistics and stops before a step when an earlier one failed. Optional
    /// but in <see cref="OffloadMode.Planned"/>, which learns the program from step to step and makes its plans at the end of one.
    /// </summary>
    /// <exception cref="TeraIOException"><see cref="Failure"/> is set.</exception>
    public StepScope BeginStep()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _engine.AwaitReads();
        ThrowIfFailed();
        _planned?.BeginStep();
        return new StepScope(this);
    }

    /// <summary>
    /// Brings every storage back and keeps it in memory until the scope is disposed. The budget is suspended meanwhile: peak memory is that of
    /// the whole model. Use <see cref="Pin"/> where one tensor at a time is enough.
    /// </summary>
    /// <exception cref="TeraIOException">A storage could not be read back; nothing stays pinned.</exception>
    public IDisposable RestoreAll()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SetLimit(long.MaxValue);
        try
        {
            List<TensorBlock> pinned = _engine.PinAll();
            return new PinScope(() =>
            {
                _engine.Unpin(pinned);
                Enforce(_budget);
            });
        }
        catch
        {
            SetLimit(_budget);
            throw;
        }
    }

    /// <summary>
    /// Brings tensors back and keeps them in memory until the scope is disposed, so that their data may be read or written directly. The
    /// budget still holds.
    /// </summary>
    /// <exception cref="BudgetExceededException">They do not fit under the budget together.</exception>
    /// <exception cref="TeraIOException">A tensor could not be read back; nothing stays pinned.</exception>
    public IDisposable Pin(params ReadOnlySpan<torch.Tensor> tensors)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var operands = new StorageOperand[tensors.Length];
        for (int i = 0; i < tensors.Length; i++) operands[i] = ObserverBridge.Inspect(tensors[i].Handle);
        List<TensorBlock> pinned = _engine.Pin(operands);
        return new PinScope(() => _engine.Unpin(pinned));
    }

    /// <summary>
    /// Gives the session another budget, between steps. In <see cref="OffloadMode.Planned"/> the next step still runs by the old plan, as far as it
    /// goes, and is planned anew when it ends.
    /// </summary>
    /// <param name="budget">Null: no limit.</param>
    /// <exception cref="ConfigurationException">It is not positive, or the session has no store because it began without a budget.</exception>
    /// <exception cref="BudgetExceededException">More than that cannot leave memory now; the budget is changed all the same.</exception>
    public void ChangeBudget(ByteSize? budget)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_store is null) throw new ConfigurationException("This session began without a budget and has no store; begin it with MemoryBudget and StoragePaths.");
        if (budget is { Bytes: <= 0 }) throw new ConfigurationException($"The new budget is {budget}; it must be more than zero.");
        _budget = budget?.Bytes ?? long.MaxValue;
        _planner?.Change(_budget);
        Enforce(_budget);
    }

    /// <summary>Lets another policy plan, from the end of the next step on; for comparisons of policies within one training.</summary>
    /// <exception cref="ConfigurationException">There is no such policy, or the session's mode is not <see cref="OffloadMode.Planned"/>.</exception>
    public void ChangePolicy(string policy)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_planner is null) throw new ConfigurationException($"A policy plans in {nameof(OffloadMode)}.{nameof(OffloadMode.Planned)} only.");
        _planner.Change(policy);
    }

    /// <summary>Starts measuring <see cref="OffloadStatistics.PeakLiveBytes"/> anew.</summary>
    public void ResetPeak()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ObserverNative.ResetPeak();
    }

    /// <exception cref="TeraIOException"><see cref="Failure"/>, if it is set.</exception>
    public void ThrowIfFailed()
    {
        if (Failure is { } failure) throw failure;
    }

    /// <summary>
    /// Ends the session: storages that are still alive come back to memory, the store is removed. Dispose the model and the optimizer first
    /// where the model as a whole does not fit.
    /// </summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            _planned?.Dispose();
            SetLimit(long.MaxValue);
            if (_store is not null) _engine.Unpin(_engine.PinAll());
        }
        catch (TeraIOException)
        {
            // The tensors that cannot come back stay closed: access to them throws.
        }
        finally
        {
            _bridge.Dispose();
            _engine.Dispose();
            _store?.Dispose();
            // Its fences are free once the store has drained.
            _kernels?.Dispose();
        }
    }

    /// <summary>For tests.</summary>
    internal OnDemandEngine Engine => _engine;

    /// <summary>For tests: a session over a store that they opened; the session owns it.</summary>
    internal static OffloadSession Begin(OffloadOptions options, TensorStore? store, long budget)
    {
        TorchRuntime.Initialize();
        KernelOrder? kernels = null;
        OnDemandEngine? engine = null;
        try
        {
            // Without a store nothing moves that would need an order.
            if (options.Device.IsCuda && store is not null) kernels = new KernelOrder(options.Device.CudaOrdinal, ObserverBridge.CurrentStream, options.ReadWaits);
            engine = new OnDemandEngine(new TorchStorageMemory(), store, budget, kernels);
            PlannedRun? planned = null;
            SessionPlanner? planner = null;
            if (options.Mode == OffloadMode.Planned && store is not null)
            {
                planner = new SessionPlanner(options, store);
                planned = new PlannedRun(engine.State, planner.Plan);
                engine.Follow(planned);
            }

            ObserverBridge bridge = ObserverBridge.Attach(engine, options.ToObserverOptions());
            return new OffloadSession(store, kernels, engine, bridge, planned, planner, budget);
        }
        catch
        {
            engine?.Dispose();
            store?.Dispose();
            kernels?.Dispose();
            throw;
        }
    }

    /// <summary>The scope of a step was disposed.</summary>
    internal void EndStep()
    {
        _engine.AwaitReads();
        _planned?.EndStep();
    }

    private void Name(torch.Tensor tensor, string? name)
    {
        StorageOperand operand = ObserverBridge.Inspect(tensor.Handle);
        if (operand.Storage != 0) _engine.Name(operand, name);
    }

    /// <summary>Sets the limit and makes what is in memory fit under it.</summary>
    private void Enforce(long budget)
    {
        SetLimit(budget);
        if (_engine.MakeRoom(0) is { } failure) throw failure;
    }

    private void SetLimit(long budget)
    {
        _engine.SetBudget(budget);
        _ = ObserverNative.SetLimit(budget == long.MaxValue ? 0 : (ulong)budget);
    }

    private sealed class PinScope(Action release) : IDisposable
    {
        private Action? _release = release;

        public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
    }
}
