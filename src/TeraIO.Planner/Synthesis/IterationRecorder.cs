using TeraIO.Core;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// Takes down ops and tensors of an iteration in the order in which they run and makes the trace of them: who lives how long follows from the first
/// and last op that names a tensor. Not thread-safe.
/// </summary>
internal sealed class IterationRecorder(SynthesisOptions options)
{
    private struct TensorEntry
    {
        public long Bytes;
        public TensorKind Kind;
        public string Name;
        public bool IsPersistent;
        public int FirstOp;
        public int LastOp;
    }

    private struct OpEntry
    {
        public string Name;
        public double Flops;
        public double Bytes;
        public double ExtraSeconds;
        public OpPhase Phase;
        public string? Module;
        public int MicroBatch;
        public long WorkspaceBytes;
        public int FirstAccess;
        public bool IsTransfer;
    }

    private readonly List<TensorEntry> _tensors = [];
    private readonly List<OpEntry> _ops = [];
    private readonly List<TraceAccess> _accesses = [];

    public SynthesisOptions Options => options;

    /// <summary>Phase of the ops that follow.</summary>
    public OpPhase Phase { get; set; }

    /// <summary>Layer of the ops that follow.</summary>
    public string? Module { get; set; }

    /// <summary>Micro batch of the ops that follow.</summary>
    public int MicroBatch { get; set; }

    /// <summary>Backward of the ops that follow will run as recorded; false while a checkpointed block computes only its output.</summary>
    public bool IsTaping { get; set; } = true;

    /// <summary>Ops so far.</summary>
    public int OpCount => _ops.Count;

    /// <summary>A tensor that lives for ever.</summary>
    public int Persistent(long elements, int elementBytes, TensorKind kind, string name) => Add(elements, elementBytes, kind, name, isPersistent: true);

    /// <summary>A tensor that the next op creates. Its kind follows from its use unless it is given.</summary>
    public int Transient(long elements, int elementBytes, string name, TensorKind kind = TensorKind.Unknown) =>
        Add(elements, elementBytes, kind, name, isPersistent: false);

    /// <summary>A tensor of the precision's element size that the next op creates.</summary>
    public int Transient(long elements, string name) => Transient(elements, options.ElementBytes, name);

    /// <summary>Bytes of a tensor.</summary>
    public long BytesOf(int tensor) => _tensors[tensor].Bytes;

    /// <summary>An op; what it does to tensors follows. It moves each byte that it reads, writes or creates once.</summary>
    /// <param name="name">As PyTorch calls it.</param>
    /// <param name="flops">Multiplications and additions of its products.</param>
    public IterationRecorder Op(string name, double flops = 0)
    {
        _ops.Add(new OpEntry
        {
            Name = name,
            Flops = flops,
            Phase = Phase,
            Module = Module,
            MicroBatch = MicroBatch,
            FirstAccess = _accesses.Count,
        });
        return this;
    }

    public IterationRecorder Reads(params ReadOnlySpan<int> tensors)
    {
        foreach (int tensor in tensors) Touch(tensor, AccessKind.Read, _tensors[tensor].Bytes);
        return this;
    }

    /// <summary>Reads some rows only.</summary>
    public IterationRecorder ReadsPart(int tensor, long bytes)
    {
        Touch(tensor, AccessKind.Read, bytes);
        return this;
    }

    /// <summary>Reads and changes in place.</summary>
    public IterationRecorder Updates(params ReadOnlySpan<int> tensors)
    {
        foreach (int tensor in tensors) Touch(tensor, AccessKind.Read | AccessKind.Write, 2 * _tensors[tensor].Bytes);
        return this;
    }

    public IterationRecorder Creates(params ReadOnlySpan<int> tensors)
    {
        foreach (int tensor in tensors) Touch(tensor, AccessKind.Create, _tensors[tensor].Bytes);
        return this;
    }

    /// <summary>Frees after the op, whatever was used when.</summary>
    public IterationRecorder Frees(int tensor)
    {
        Touch(tensor, AccessKind.Free, 0);
        return this;
    }

    public IterationRecorder UsesWorkspace(long bytes)
    {
        OpEntry op = _ops[^1];
        op.WorkspaceBytes = bytes;
        op.Bytes += 2.0 * bytes;
        _ops[^1] = op;
        return this;
    }

    /// <summary>Seconds beyond those of its work.</summary>
    public void Waits(int op, double seconds)
    {
        OpEntry entry = _ops[op];
        entry.ExtraSeconds += seconds;
        _ops[op] = entry;
    }

    /// <summary>An op of the interconnect that passes so many bytes per device.</summary>
    public IterationRecorder Communicates(string name, double bytes)
    {
        Op(name);
        OpEntry op = _ops[^1];
        op.IsTransfer = true;
        op.ExtraSeconds = bytes / options.Device.InterconnectBandwidth;
        _ops[^1] = op;
        return this;
    }

    /// <summary>Seconds of the ops from one to before another.</summary>
    public double SecondsOf(int firstOp, int endOp)
    {
        double sum = 0;
        for (int i = firstOp; i < endOp; i++) sum += SecondsOf(_ops[i]);
        return sum;
    }

    private double SecondsOf(in OpEntry op) => op.ExtraSeconds + options.Device.Seconds(op.Flops, op.IsTransfer ? 0 : op.Bytes, options.Precision);

    /// <summary>The trace and what each of its ops costs.</summary>
    public SyntheticIteration Build(TraceHeader header)
    {
        int[] number = NumberVisibleTensors(out TraceTensor[] visible);
        var builder = new TraceBuilder(header with { BaselineBytes = SmallBytes(number) });
        foreach (TraceTensor tensor in visible) builder.AddTensor(tensor);
        List<int> kept = KeptOps(number, out double[] seconds, out OpCost[] costs);
        int next = 0;
        for (int i = 0; i < _ops.Count; i++)
        {
            if (next < kept.Count && kept[next] == i)
            {
                OpEntry op = _ops[i];
                builder.AddOp(new TraceOp(op.Name, seconds[next], op.Phase, op.Module, op.MicroBatch, op.WorkspaceBytes));
                next++;
            }

            foreach (TraceAccess access in AccessesOf(i))
            {
                if (number[access.Tensor] < 0) continue;
                bool isLast = !_tensors[access.Tensor].IsPersistent && _tensors[access.Tensor].LastOp == i;
                builder.Access(number[access.Tensor], access.Kind | (isLast ? AccessKind.Free : AccessKind.None));
            }
        }

        return new SyntheticIteration(builder.Build(), costs);
    }

    /// <summary>
    /// The ops that use a tensor of the trace. Time and work of the others go to the next one, as a profiler sees it, or to the last one; what they free
    /// is freed after the one before.
    /// </summary>
    private List<int> KeptOps(int[] number, out double[] seconds, out OpCost[] costs)
    {
        var kept = new List<int>();
        var keptSeconds = new List<double>();
        var keptCosts = new List<OpCost>();
        double carriedSeconds = 0;
        OpCost carried = default;
        for (int i = 0; i < _ops.Count; i++)
        {
            carriedSeconds += SecondsOf(_ops[i]);
            carried = new OpCost(carried.Flops + _ops[i].Flops, carried.Bytes + _ops[i].Bytes);
            if (!UsesVisible(i, number)) continue;
            kept.Add(i);
            keptSeconds.Add(carriedSeconds);
            keptCosts.Add(carried);
            (carriedSeconds, carried) = (0, default);
        }

        keptSeconds[^1] += carriedSeconds;
        keptCosts[^1] = new OpCost(keptCosts[^1].Flops + carried.Flops, keptCosts[^1].Bytes + carried.Bytes);
        seconds = [.. keptSeconds];
        costs = [.. keptCosts];
        return kept;
    }

    private int Add(long elements, int elementBytes, TensorKind kind, string name, bool isPersistent)
    {
        _tensors.Add(new TensorEntry
        {
            Bytes = Math.Max(1, checked(elements * elementBytes)),
            Kind = kind,
            Name = name,
            IsPersistent = isPersistent,
            FirstOp = -1,
        });
        return _tensors.Count - 1;
    }

    private void Touch(int tensor, AccessKind kind, double bytes)
    {
        int op = _ops.Count - 1;
        TensorEntry entry = _tensors[tensor];
        if (entry.FirstOp < 0) entry.FirstOp = op;
        entry.LastOp = op;
        _tensors[tensor] = entry;
        _accesses.Add(new TraceAccess(tensor, kind));
        OpEntry current = _ops[op];
        current.Bytes += bytes;
        _ops[op] = current;
    }

    private ReadOnlySpan<TraceAccess> AccessesOf(int op)
    {
        int end = op + 1 < _ops.Count ? _ops[op + 1].FirstAccess : _accesses.Count;
        return System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_accesses)[_ops[op].FirstAccess..end];
    }

    private bool UsesVisible(int op, int[] number)
    {
        foreach (TraceAccess access in AccessesOf(op))
        {
            if (access.IsUse && number[access.Tensor] >= 0) return true;
        }

        return false;
    }

    private int[] NumberVisibleTensors(out TraceTensor[] visible)
    {
        var number = new int[_tensors.Count];
        var list = new List<TraceTensor>();
        for (int i = 0; i < number.Length; i++)
        {
            TensorEntry tensor = _tensors[i];
            number[i] = -1;
            // Too small, or of a kind of work that this rank or run has none of.
            if (tensor.Bytes < options.SmallestTensorBytes || tensor.FirstOp < 0) continue;
            number[i] = list.Count;
            list.Add(new TraceTensor(tensor.Bytes, KindOf(tensor), tensor.IsPersistent, tensor.Name));
        }

        if (list.Count == 0)
            throw new ConfigurationException($"No tensor of this training has {options.SmallestTensorBytes} bytes; make SmallestTensorBytes smaller.");
        visible = [.. list];
        return number;
    }

    private TensorKind KindOf(in TensorEntry tensor)
    {
        if (tensor.Kind != TensorKind.Unknown) return tensor.Kind;
        return _ops[tensor.FirstOp].Phase == OpPhase.Forward && _ops[tensor.LastOp].Phase == OpPhase.Backward ? TensorKind.Activation : TensorKind.Temporary;
    }

    /// <summary>Bytes of small tensors: the persistent ones and the most that transient ones take at once.</summary>
    private long SmallBytes(int[] number)
    {
        long persistent = 0;
        var change = new long[_ops.Count + 1];
        for (int i = 0; i < number.Length; i++)
        {
            TensorEntry tensor = _tensors[i];
            if (number[i] >= 0 || tensor.FirstOp < 0) continue;
            if (tensor.IsPersistent)
            {
                persistent += tensor.Bytes;
                continue;
            }

            change[tensor.FirstOp] += tensor.Bytes;
            change[tensor.LastOp + 1] -= tensor.Bytes;
        }

        long now = 0;
        long most = 0;
        foreach (long bytes in change)
        {
            now += bytes;
            most = Math.Max(most, now);
        }

        return persistent + most;
    }
}
