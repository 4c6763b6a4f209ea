using TeraIO.Core.Plans;
using TeraIO.Core.Runtime;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>
/// Runs test programs on the real engine in planned mode over a real store, with storages on the native heap. Each tensor is filled with one
/// value that the ops compute from what they read; before each op every input is held against what a plain dictionary says it must be.
/// </summary>
internal sealed class ProgramRunner : IDisposable
{
    public const int Block = 64 * 1024;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("teraio-planned-");
    private readonly Dictionary<int, (nint Storage, byte Value)> _tensors = [];
    private readonly Dictionary<string, uint> _names = [];
    private int _serial;

    public ProgramRunner(long budget, Func<PlanRequest, MigrationPlan?> planner, FaultPlan? faults = null, HostMemoryOptions? hostMemory = null)
    {
        Budget = budget;
        var options = new StoreOptions { Paths = [_directory.FullName], SegmentSize = ByteSize.FromMiB(4), ReadRetries = 1, HostMemory = hostMemory };
        Store = faults is null ? TensorStore.Open(options) : TensorStore.Open(options, logger: null, backend => new FaultInjectingBackend(backend, faults));
        Memory = new HeapStorageMemory { Budget = budget };
        Engine = new OnDemandEngine(Memory, Store, budget);
        Memory.Engine = Engine;
        Run = new PlannedRun(Engine.State, planner);
        Engine.Follow(Run);
    }

    public long Budget { get; }

    public TensorStore Store { get; }

    public HeapStorageMemory Memory { get; }

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

        Run.EndStep();
    }

    /// <summary>Runs one op, inside a step or not.</summary>
    public void Do(ProgramOp op)
    {
        StorageOperand[] operands =
        [
            .. op.Reads.Select(t => Memory.Operand(_tensors[t].Storage)),
            .. op.Writes.Select(t => Memory.Operand(_tensors[t].Storage, written: true)),
        ];
        if (Engine.BeginOp(op.Name, operands, isOutermost: true) is { } failure)
        {
            Engine.EndOp(Identity(op), [], isOutermost: true);
            throw failure;
        }

        int sum = ++_serial;
        foreach (int tensor in op.Reads.Concat(op.Writes))
        {
            Check(tensor);
            sum += _tensors[tensor].Value;
        }

        foreach (int tensor in op.Writes) Fill(tensor, _tensors[tensor].Storage, (byte)(sum * 31));
        var created = new List<StorageOperand>();
        try
        {
            foreach (int tensor in op.Creates)
            {
                nint storage = Memory.Create(op.SizeOfCreated);
                Fill(tensor, storage, (byte)((sum * 17) + tensor));
                created.Add(Memory.Operand(storage));
            }
        }
        finally
        {
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

    /// <summary>Reads every tensor through an op and compares it.</summary>
    public void CheckAll()
    {
        foreach (int tensor in _tensors.Keys.ToArray()) Do(new ProgramOp("aten::check") { Reads = [tensor] });
    }

    public void Dispose()
    {
        Run.Dispose();
        Memory.Dispose();
        Store.Dispose();
        _directory.Delete(recursive: true);
    }

    private void Fill(int tensor, nint storage, byte value)
    {
        Memory.Bytes(storage).Fill(value);
        _tensors[tensor] = (storage, value);
    }

    private void Check(int tensor)
    {
        (nint storage, byte value) = _tensors[tensor];
        if (Memory.Bytes(storage).IndexOfAnyExcept(value) >= 0) throw new InvalidOperationException($"tensor {tensor} does not hold what was written to it");
    }

    private OpIdentity Identity(ProgramOp op)
    {
        if (!_names.TryGetValue(op.Name, out uint id)) _names.Add(op.Name, id = (uint)_names.Count + 1);
        return new OpIdentity(id, op.Name, op.IsBackward);
    }
}
