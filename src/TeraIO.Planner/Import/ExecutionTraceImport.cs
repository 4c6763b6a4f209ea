using System.Runtime.InteropServices;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Import;

/// <summary>
/// Makes a <see cref="Trace"/> of a PyTorch execution trace. Nodes are nested calls; an op of ours is an operator that runs a kernel itself, once,
/// with what it calls folded into it. The trace has neither allocations nor frees, and a storage's identity is its address: a storage that an op gives and did not take
/// begins a new life there, and a life ends with its last use.
/// </summary>
internal sealed class ExecutionTraceImport
{
    private const int None = -1;

    /// <summary>One allocation of an address.</summary>
    private sealed class Life
    {
        /// <summary>Size when a node of the trace allocated it; 0 when it was there before.</summary>
        public long AllocatedBytes { get; init; }

        /// <summary>The largest tensor over it that no node made: those that nodes make may be views, expanded or parts.</summary>
        public long BaseBytes { get; set; }

        /// <summary>The largest tensor over it.</summary>
        public long ViewBytes { get; set; }

        public bool IsBornInStep { get; init; }

        /// <summary>Allocated within an optimizer's step, as zeros.</summary>
        public bool IsBornAsState { get; init; }

        public bool IsUsedAfterStep { get; set; }

        /// <summary>Its address was allocated again.</summary>
        public bool HasEnded { get; set; }

        /// <summary>The node that allocated it, or the first that named it.</summary>
        public int FirstNode { get; init; }

        /// <summary>The last node that named it.</summary>
        public int LastNode { get; set; }

        /// <summary>Uses by ops of the chosen iteration.</summary>
        public List<(int Op, AccessKind Kind)> Uses { get; } = [];

        public long Bytes => AllocatedBytes > 0 ? AllocatedBytes : BaseBytes > 0 ? BaseBytes : ViewBytes;
    }

    private readonly ExecutionTraceReader _reader;
    private readonly ImportOptions _options;
    private readonly string _source;
    private readonly EtNode[] _nodes; // by id: in the order in which they began
    private readonly int[] _parents;
    private readonly OperatorRole[] _roles;
    private readonly int[] _opOfNode; // the op that a node belongs to, None outside
    private readonly OpPhase?[] _phases;
    private readonly string?[] _modules;
    private readonly List<int> _opNodes = [];
    private readonly List<Life> _lives = [];
    private readonly Dictionary<long, Life> _current = [];
    private readonly HashSet<long> _made = []; // tensors that some node gave
    private int _device;
    private long _stepBegin;
    private long _stepEnd = long.MaxValue;

    private ExecutionTraceImport(ExecutionTraceReader reader, string source, ImportOptions options)
    {
        _reader = reader;
        _source = source;
        _options = options;
        _nodes = [.. reader.Nodes.OrderBy(static node => node.Id)];
        _parents = new int[_nodes.Length];
        _roles = new OperatorRole[_nodes.Length];
        _opOfNode = new int[_nodes.Length];
        _phases = new OpPhase?[_nodes.Length];
        _modules = new string?[_nodes.Length];
    }

    /// <summary>Reads an execution trace and makes a trace of it.</summary>
    public static Trace Read(Stream stream, string source, ImportOptions options)
    {
        FormatLimits limits = options.EffectiveLimits;
        var reader = new ExecutionTraceReader(new JsonTokens(stream, source, limits), limits);
        reader.Read();
        return new ExecutionTraceImport(reader, source, options).Import();
    }

    private Trace Import()
    {
        FindParents();
        ChooseDevice();
        ChooseStep();
        ChooseOps();
        FollowStorages();
        try
        {
            return Build();
        }
        catch (TraceFormatException e)
        {
            throw Fault(e.Message, e);
        }
    }

    /// <summary>A node begins after its parent and so has a larger id; what breaks that hangs under nothing.</summary>
    private void FindParents()
    {
        var places = new Dictionary<long, int>(_nodes.Length);
        for (int i = 0; i < _nodes.Length; i++)
        {
            if (!places.TryAdd(_nodes[i].Id, i)) throw Fault($"two nodes have the id {_nodes[i].Id}.");
            _parents[i] = _nodes[i].Parent < _nodes[i].Id && places.TryGetValue(_nodes[i].Parent, out int parent) ? parent : None;
            _roles[i] = OperatorRoles.Of(_nodes[i]);
            int above = _parents[i];
            _phases[i] = PhaseOf(_nodes[i].Name) ?? (above == None ? null : _phases[above]);
            _modules[i] = _roles[i] == OperatorRole.Mark && IsLayer(_nodes[i].Name) ? _nodes[i].Name : above == None ? null : _modules[above];
        }
    }

    private static OpPhase? PhaseOf(string name)
    {
        if (name.StartsWith("Optimizer.", StringComparison.Ordinal)) return OpPhase.Update;
        return name.StartsWith("autograd::engine::", StringComparison.Ordinal) ? OpPhase.Backward : null;
    }

    /// <summary>Marks that people or modules put there, such as <c>nn.Module: Linear_0</c>.</summary>
    private static bool IsLayer(string name) => name.StartsWith("nn.Module:", StringComparison.Ordinal) || name.StartsWith("## ", StringComparison.Ordinal);

    private void ChooseDevice()
    {
        var bytes = new Int128[_reader.Devices.Count];
        foreach (ref readonly EtTensor tensor in CollectionsMarshal.AsSpan(_reader.Tensors)) bytes[tensor.Device] += tensor.ViewBytes;
        if (_options.Device is { } wanted)
        {
            _device = ((List<string>)[.. _reader.Devices]).IndexOf(wanted);
            if (_device < 0) throw Fault($"no tensor is on {wanted}; devices in the trace are {string.Join(", ", _reader.Devices)}. Set ImportOptions.Device to one of them.");
            return;
        }

        _device = Array.IndexOf(bytes, bytes.DefaultIfEmpty().Max());
        if (_device < 0 || bytes[_device] == 0) throw Fault("its nodes name no tensors, so there is nothing to plan for.");
    }

    private void ChooseStep()
    {
        long[] begins = [.. _nodes.Where(node => node.Name.StartsWith(_options.StepMarker, StringComparison.Ordinal)).Select(static node => node.Id)];
        if (begins.Length == 0)
        {
            if (_options.Step > 0) throw Fault($"no annotation begins with \"{_options.StepMarker}\", so there is only step 0.");
            return;
        }

        int step = _options.Step ?? Math.Max(0, begins.Length - 2);
        if (step >= begins.Length) throw Fault($"there is no step {step}; {begins.Length} annotations begin with \"{_options.StepMarker}\".");
        _stepBegin = begins[step];
        if (step + 1 < begins.Length) _stepEnd = begins[step + 1];
    }

    /// <summary>From the leaves up: who calls kernels; from the roots down: the first that runs its own.</summary>
    private void ChooseOps()
    {
        var callsKernels = new bool[_nodes.Length];
        for (int i = _nodes.Length - 1; i >= 0; i--)
        {
            if (_parents[i] != None && (callsKernels[i] || _roles[i] is OperatorRole.Kernel or OperatorRole.OwnKernel)) callsKernels[_parents[i]] = true;
        }

        for (int i = 0; i < _nodes.Length; i++)
        {
            int above = _parents[i] == None ? None : _opOfNode[_parents[i]];
            bool runs = _roles[i] == OperatorRole.OwnKernel || (_roles[i] is OperatorRole.Kernel or OperatorRole.Fill && !callsKernels[i]);
            if (above == None && runs && IsInStep(i))
            {
                above = _opNodes.Count;
                _opNodes.Add(i);
            }

            _opOfNode[i] = above;
        }
    }

    private bool IsInStep(int node) => _nodes[node].Id >= _stepBegin && _nodes[node].Id < _stepEnd;

    /// <summary>
    /// A node takes its inputs when it begins and gives its outputs when it ends, which is after the last node that it called, directly or not.
    /// </summary>
    private void FollowStorages()
    {
        var last = new int[_nodes.Length];
        for (int i = _nodes.Length - 1; i >= 0; i--)
        {
            last[i] = Math.Max(last[i], i);
            if (_parents[i] != None) last[_parents[i]] = Math.Max(last[_parents[i]], last[i]);
        }

        int[] ends = [.. Enumerable.Range(0, _nodes.Length).OrderBy(i => last[i]).ThenByDescending(static i => i)];
        int next = 0;
        for (int i = 0; i < _nodes.Length; i++)
        {
            if (_roles[i] != OperatorRole.Mark) TakeInputs(i);
            for (; next < ends.Length && last[ends[next]] == i; next++) GiveOutputs(ends[next]);
        }
    }

    private void TakeInputs(int index)
    {
        ref readonly EtNode node = ref _nodes[index];
        ulong written = OperatorRoles.WrittenArguments(node);
        foreach (ref readonly EtTensor tensor in _reader.InputsOf(node))
        {
            if (tensor.Device != _device || tensor.ViewBytes == 0) continue;
            if (!_current.TryGetValue(tensor.Storage, out Life? life)) life = Begin(tensor, index, isAllocated: false);
            life.LastNode = index;
            life.ViewBytes = Math.Max(life.ViewBytes, tensor.Bytes);
            if (!_made.Contains(tensor.Tensor)) life.BaseBytes = Math.Max(life.BaseBytes, tensor.Bytes);
            bool isWritten = tensor.Argument < 64 ? ((written >> tensor.Argument) & 1) != 0 : written == ulong.MaxValue;
            // A generated kernel does not say what it writes; what nobody has used yet since it was allocated is its output.
            if (node.IsTriton) isWritten = life is { AllocatedBytes: > 0, Uses.Count: 0 };
            switch (_roles[index])
            {
                case OperatorRole.View or OperatorRole.Allocation:
                    break;
                case OperatorRole.Fill:
                    // zeros_like(self) looks at the shape of self only.
                    if (isWritten) Use(life, index, AccessKind.Write);
                    break;
                default:
                    Use(life, index, isWritten ? AccessKind.Read | AccessKind.Write : AccessKind.Read);
                    break;
            }
        }
    }

    private void GiveOutputs(int index)
    {
        ref readonly EtNode node = ref _nodes[index];
        foreach (ref readonly EtTensor tensor in _reader.OutputsOf(node))
        {
            _made.Add(tensor.Tensor);
            if (_roles[index] == OperatorRole.Mark || tensor.Device != _device || tensor.ViewBytes == 0) continue;
            // What neither the node nor one that it called has named before is new, whatever was at that address.
            if (!_current.TryGetValue(tensor.Storage, out Life? life) || life.LastNode < index) life = Begin(tensor, index, isAllocated: true);
            life.LastNode = Math.Max(life.LastNode, index);
            // What an op allocates is its own from then on, whether or not it says that it writes it.
            if (life.FirstNode >= index && _roles[index] != OperatorRole.View) Use(life, index, AccessKind.Write);
        }
    }

    private Life Begin(in EtTensor tensor, int index, bool isAllocated)
    {
        if (_current.TryGetValue(tensor.Storage, out Life? before)) before.HasEnded = true;
        var life = new Life { AllocatedBytes = isAllocated ? tensor.Bytes : 0, IsBornInStep = isAllocated && IsInStep(index), IsBornAsState = isAllocated && IsState(index), FirstNode = index, LastNode = index };
        _current[tensor.Storage] = life;
        _lives.Add(life);
        return life;
    }

    /// <summary>Whether what the node allocates is zeros for an optimizer: as the first step of one makes its state.</summary>
    private bool IsState(int index)
    {
        if (_phases[index] != OpPhase.Update) return false;
        for (int above = index; above != None && _roles[above] != OperatorRole.Mark; above = _parents[above])
        {
            if (_roles[above] == OperatorRole.Fill) return true;
        }

        return false;
    }

    private void Use(Life life, int index, AccessKind kind)
    {
        if (_nodes[index].Id >= _stepEnd) life.IsUsedAfterStep = true;
        else if (_opOfNode[index] != None) life.Uses.Add((_opOfNode[index], kind));
    }

    private Trace Build()
    {
        if (_opNodes.Count == 0) throw Fault("none of its nodes is an operator with a kernel on tensors of the chosen device and step.");
        var builder = new TraceBuilder(new TraceHeader(
            Path.GetFileName(_source),
            $"PyTorch execution trace {_reader.Schema}, {_reader.Devices[_device]}; durations from a roofline of {_options.FlopsPerSecond:0.###e0} FLOP/s and {_options.BytesPerSecond:0.###e0} B/s; freed after the last use"));
        var accesses = new List<(int Op, int Tensor, AccessKind Kind)>();
        var workspace = new long[_opNodes.Count];
        OpPhase[] phases = Phases();
        foreach (Life life in _lives)
        {
            if (life.Uses.Count == 0) continue;
            int first = life.Uses.Min(static use => use.Op);
            int last = life.Uses.Max(static use => use.Op);
            if (life.IsBornInStep && first == last && !life.IsUsedAfterStep)
            {
                workspace[first] += life.Bytes;
                continue;
            }

            // The first step of an optimizer makes what every later one finds.
            bool isState = life is { IsBornInStep: true, IsBornAsState: true, HasEnded: false };
            bool isPersistent = isState || (!life.IsBornInStep && (life.IsUsedAfterStep || !life.HasEnded));
            int tensor = builder.AddTensor(new TraceTensor(life.Bytes, KindOf(life, phases, isPersistent), isPersistent));
            foreach ((int op, AccessKind kind) in life.Uses) accesses.Add((op, tensor, kind));
            if (isPersistent) continue;
            accesses.Add((first, tensor, AccessKind.Create));
            accesses.Add((life.IsUsedAfterStep ? _opNodes.Count - 1 : last, tensor, AccessKind.Free));
        }

        accesses.Sort(static (left, right) => left.Op.CompareTo(right.Op));
        int next = 0;
        for (int op = 0; op < _opNodes.Count; op++)
        {
            int node = _opNodes[op];
            builder.AddOp(new TraceOp(_nodes[node].Name, SecondsOf(_nodes[node]), phases[op], _modules[node], 0, workspace[op]));
            for (; next < accesses.Count && accesses[next].Op == op; next++) builder.Access(accesses[next].Tensor, accesses[next].Kind);
        }

        return builder.Build();
    }

    /// <summary>By marks; without a mark of an optimizer, what follows the last of backward is the update.</summary>
    private OpPhase[] Phases()
    {
        int lastBackward = _opNodes.FindLastIndex(node => _phases[node] == OpPhase.Backward);
        var phases = new OpPhase[_opNodes.Count];
        for (int op = 0; op < phases.Length; op++) phases[op] = _phases[_opNodes[op]] ?? (lastBackward >= 0 && op > lastBackward ? OpPhase.Update : OpPhase.Forward);
        return phases;
    }

    private static TensorKind KindOf(Life life, OpPhase[] phases, bool isPersistent)
    {
        bool inForward = life.Uses.Any(use => phases[use.Op] == OpPhase.Forward);
        bool inBackward = life.Uses.Any(use => phases[use.Op] == OpPhase.Backward);
        bool inUpdate = life.Uses.Any(use => phases[use.Op] == OpPhase.Update);
        if (isPersistent)
        {
            if (inUpdate) return inForward ? TensorKind.Parameter : inBackward ? TensorKind.Gradient : TensorKind.OptimizerState;
            return inForward && inBackward ? TensorKind.Parameter : TensorKind.Unknown;
        }

        if (!life.IsBornInStep) return TensorKind.Input;
        if (inForward && inBackward) return TensorKind.Activation;
        return inBackward && inUpdate ? TensorKind.Gradient : TensorKind.Temporary;
    }

    private double SecondsOf(in EtNode node)
    {
        double bytes = 0;
        foreach (ref readonly EtTensor tensor in _reader.InputsOf(node)) bytes += tensor.Device == _device ? tensor.ViewBytes : 0;
        foreach (ref readonly EtTensor tensor in _reader.OutputsOf(node)) bytes += tensor.Device == _device ? tensor.ViewBytes : 0;
        ReadOnlySpan<EtTensor> outputs = _reader.OutputsOf(node);
        double elements = outputs.Length > 0 && outputs[0].ElementSize > 0 ? (double)outputs[0].ViewBytes / outputs[0].ElementSize : 0;
        return Roofline.Seconds(Roofline.Flops(node.Name, node.InputShapes, elements), bytes, _options);
    }

    private TraceFormatException Fault(string message, Exception? innerException = null) => new($"{_source}: {MessageText.Plain(message)}", innerException) { Path = _source };
}
