using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Runtime;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Transfers;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>
/// Runs test programs on the real engine in planned mode over a real store, with storages on the native heap. Each tensor is filled with one
/// value that the ops compute from what they read; before each op every input is held against what a plain dictionary says it must be. On a <see cref="StandinGpu"/> storages are on the device, and
/// ops only launch the kernels that do so.
/// </summary>
internal sealed class ProgramRunner : IDisposable
{
    public const int Block = 64 * 1024;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("teraio-planned-");
    private readonly Dictionary<int, (nint Storage, byte Value)> _tensors = [];
    private readonly Dictionary<string, uint> _names = [];
    private readonly List<string> _wrong = []; // what kernels found
    private readonly StandinGpu? _gpu;
    private KernelGate? _held;
    private int _serial;

    public ProgramRunner(
        long budget, Func<PlanRequest, MigrationPlan?> planner, FaultPlan? faults = null, HostMemoryOptions? hostMemory = null, StandinGpu? gpu = null, Func<nint>? currentStream = null,
        bool? verifyReads = null, DeviceRunOptions? device = null)
    {
        Budget = budget;
        _gpu = gpu;
        device ??= new DeviceRunOptions();
        var options = new StoreOptions
        {
            Paths = [_directory.FullName],
            SegmentSize = ByteSize.FromMiB(4),
            ReadRetries = 1,
            HostMemory = hostMemory,
            Backend = gpu is null ? StorageBackend.Auto : StorageBackend.Staged,
            VerifyReads = verifyReads,
            TransferDeadline = device.TransferDeadline,
            PathOptions = device.QueueDepth is { } depth ? new Dictionary<string, PathOptions> { [_directory.FullName] = new() { QueueDepth = depth } } : new Dictionary<string, PathOptions>(),
        };
        Func<ITransferBackend, ITransferBackend> decorate = device.Decorate ?? (static backend => backend);
        Store = TensorStore.Open(options, logger: null, faults is null ? decorate : backend => decorate(new FaultInjectingBackend(backend, faults)));
        Kernels = gpu is null ? null : new KernelOrder(0, currentStream ?? (static () => 0), device.ReadWaits);
        Memory = gpu is null ? new HeapStorageMemory { Budget = budget } : new CachingDeviceMemory(gpu) { Budget = budget };
        Engine = new OnDemandEngine(Memory, Store, budget, Kernels);
        Memory.Engine = Engine;
        Run = new PlannedRun(Engine.State, planner);
        Engine.Follow(Run);
    }

    public long Budget { get; }

    public TensorStore Store { get; }

    public HeapStorageMemory Memory { get; }

    /// <summary>Null on the CPU.</summary>
    public KernelOrder? Kernels { get; }

    /// <summary>Kernels so far.</summary>
    public int Launched { get; private set; }

    /// <summary>Runs in front of each kernel, in the order of the stream.</summary>
    public Action BeforeKernel { get; set; } = static () => { };

    public OnDemandEngine Engine { get; }

    public PlannedRun Run { get; }

    /// <summary>Tensors that live now.</summary>
    public IEnumerable<int> Alive => _tensors.Keys;

    /// <summary>Bytes that the engine had to fetch for an op that waited.</summary>
    public EngineStatistics Statistics => Engine.Statistics;

    /// <summary>Creates tensors outside any step.</summary>
    public void CreateAll(int count, int bytes = Block)
    {
        for (int i = 0; i < count; i++) Do(new ProgramOp("aten::empty") { Creates = [i], SizeOfCreated = bytes });
    }

    /// <summary>Runs one step; after each op the transfers that the plan began are waited for when <paramref name="settle"/> is set.</summary>
    public void Step(IEnumerable<ProgramOp> ops, bool settle = false)
    {
        Run.BeginStep();
        foreach (ProgramOp op in ops)
        {
            Do(op);
            if (settle) Settle();
        }

        if (Engine.AwaitReads() is { } failure) throw failure;
        Run.EndStep();
    }

    /// <summary>Runs one op, inside a step or not.</summary>
    public void Do(ProgramOp op)
    {
        StorageOperand[] operands =
        [
            .. op.Reads.Select(t => Memory.Operand(_tensors[t].Storage)),
            .. op.Writes.Select(t => Memory.Operand(_tensors[t].Storage, written: true)),
            .. op.HiddenWrites.Select(t => Memory.Operand(_tensors[t].Storage)),
        ];
        if (Engine.BeginOp(op.Name, operands, isOutermost: true, op.BringsOut) is { } failure)
        {
            Engine.EndOp(Identity(op), [], isOutermost: true);
            throw failure;
        }

        int sum = ++_serial + op.Reads.Concat(op.Writes).Concat(op.HiddenWrites).Sum(tensor => _tensors[tensor].Value);
        var created = new List<StorageOperand>();
        var kernel = new List<Action>();
        foreach (int tensor in op.Reads.Concat(op.Writes).Concat(op.HiddenWrites)) kernel.Add(Check(tensor, op.Name));
        foreach (int tensor in op.Writes.Concat(op.HiddenWrites)) kernel.Add(Fill(tensor, _tensors[tensor].Storage, (byte)(sum * 31)));
        try
        {
            foreach (int tensor in op.Creates)
            {
                nint storage = Memory.Create(op.SizeOfCreated);
                kernel.Add(Fill(tensor, storage, (byte)((sum * 17) + tensor)));
                created.Add(Memory.Operand(storage));
            }
        }
        finally
        {
            Launch(() => kernel.ForEach(static each => each()));
            Engine.EndOp(Identity(op), [.. created], isOutermost: true);
        }

        foreach (int tensor in op.Frees) Free(tensor);
    }

    public void Free(int tensor)
    {
        if (_tensors.Remove(tensor, out var entry)) Memory.Destroy(entry.Storage);
    }

    public bool IsInMemory(int tensor) => Memory.IsInMemory(_tensors[tensor].Storage);

    /// <summary>Waits until nothing is in flight and no prefetch could begin.</summary>
    public void Settle()
    {
        EngineState state = Engine.State;
        lock (state.Sync)
        {
            while (!state.Migrator!.IsQuiet) Monitor.Wait(state.Sync);
        }
    }

    /// <summary>Reads every tensor through an op and compares it; so does every kernel that is still to run.</summary>
    public void CheckAll()
    {
        foreach (int tensor in _tensors.Keys.ToArray()) Do(new ProgramOp("aten::check") { Reads = [tensor] });
        Synchronize();
        Assert.That(Engine.AwaitReads(), Is.Null);
        Assert.That(_wrong, Is.Empty);
    }

    /// <summary>What an op brings to the host of a tensor: one byte, and what it should be.</summary>
    public (byte Found, byte Expected) Read(int tensor)
    {
        Do(new ProgramOp("aten::_local_scalar_dense") { Reads = [tensor], BringsOut = true });
        Synchronize();
        return (View(tensor)[0], _tensors[tensor].Value);
    }

    /// <summary>Waits for the kernels that were launched.</summary>
    public void Synchronize()
    {
        if (Kernels is null) return;
        using var fence = Kernels.Device.CreateFence();
        fence.Record(0);
        fence.Wait(Timeout.InfiniteTimeSpan);
    }

    public StorageOperand OperandOf(int tensor) => Memory.Operand(_tensors[tensor].Storage);

    /// <summary>The next op's kernel, and those behind it, stand still until the gate is opened.</summary>
    public KernelGate HoldNextKernel() => _held = new KernelGate();

    /// <summary>Where the tensor's bytes are now; reads them without an op.</summary>
    public Span<byte> View(int tensor) => Memory.Bytes(_tensors[tensor].Storage);

    public TensorBlock BlockOf(int tensor)
    {
        lock (Engine.State.Sync) return Engine.State.Blocks[AddressOf(tensor)];
    }

    /// <summary>Asks the migrator for something, as a plan does, which has to be taken up.</summary>
    public void Request(Func<Migrator, bool> request)
    {
        lock (Engine.State.Sync) Assert.That(request(Engine.State.Migrator!), Is.True);
    }

    public nint AddressOf(int tensor) => Memory.AddressOf(_tensors[tensor].Storage);

    public void Dispose()
    {
        Run.Dispose();
        Engine.Dispose();
        // Kernels may be on their way to memory that has been freed.
        Synchronize();
        Memory.Dispose();
        Store.Dispose();
        Kernels?.Dispose();
        _directory.Delete(recursive: true);
    }

    /// <summary>A kernel knows addresses, which it gets when it is launched.</summary>
    private Action Fill(int tensor, nint storage, byte value)
    {
        (nint address, int bytes) = Place(storage);
        _tensors[tensor] = (storage, value);
        return () => Memory.View(address, bytes).Fill(value);
    }

    private Action Check(int tensor, string op)
    {
        (nint storage, byte value) = _tensors[tensor];
        (nint address, int bytes) = Place(storage);
        return () =>
        {
            if (Memory.View(address, bytes).IndexOfAnyExcept(value) < 0) return;
            string wrong = $"{op}: tensor {tensor} does not hold what was written to it";
            if (_gpu is null) throw new InvalidOperationException(wrong);
            _wrong.Add(wrong);
        };
    }

    private (nint Address, int Bytes) Place(nint storage) => (Memory.AddressOf(storage), Memory.Bytes(storage).Length);

    private void Launch(Action kernel)
    {
        if (_gpu is null)
        {
            kernel();
            return;
        }

        KernelGate? held = Interlocked.Exchange(ref _held, null);
        Action before = BeforeKernel;
        _gpu.Launch(() =>
        {
            held?.Wait();
            before();
            kernel();
        });
        Launched++;
    }

    private OpIdentity Identity(ProgramOp op)
    {
        if (!_names.TryGetValue(op.Name, out uint id)) _names.Add(op.Name, id = (uint)_names.Count + 1);
        return new OpIdentity(id, op.Name, op.IsBackward);
    }
}
