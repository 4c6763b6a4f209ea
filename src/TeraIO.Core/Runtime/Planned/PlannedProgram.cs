using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Runtime.Planned;

/// <summary>A tensor that moves, and the tier that a plan has for it.</summary>
internal readonly record struct TieredTensor(int Tensor, WriteTarget Target);

/// <summary>
/// An op stream that is known from equal steps, its plan, and which live block is which of its tensors now. Guarded by the engine's lock.
/// </summary>
internal sealed class PlannedProgram
{
    /// <summary>So many equal signatures in a row are taken for a place in the stream.</summary>
    public const int Landmark = 8;

    private readonly OpDurations _undisturbed;
    private readonly OpDurations _byPlan;
    private readonly ulong[] _signatures;
    private readonly ulong[] _prefixes; // hash of the signatures before op i
    private readonly Dictionary<ulong, List<int>> _landmarks = [];
    private readonly int[] _firstBinding;
    private readonly int[] _bindings;
    private readonly int[][] _uses; // ops that use a tensor, ascending
    private readonly TensorBlock?[] _bound;
    private readonly long[] _roomOfOp;
    private int[] _firstOffload = [];
    private TieredTensor[] _offloads = [];
    private int[] _firstPrefetch = [];
    private TieredTensor[] _prefetches = [];

    /// <param name="record">One of the equal steps.</param>
    /// <param name="name">Of the trace.</param>
    public PlannedProgram(StepRecord record, string name)
    {
        (Trace, int[] tensorOfEvent) = TraceAssembly.Assemble(record, name);
        int ops = record.Ops.Count;
        _undisturbed = new OpDurations(ops);
        _byPlan = new OpDurations(ops);
        _undisturbed.Add(record);
        _signatures = new ulong[ops];
        _prefixes = new ulong[ops + 1];
        _firstBinding = new int[ops + 1];
        _bound = new TensorBlock?[Trace.Tensors.Length];
        _roomOfOp = new long[ops];
        var bindings = new List<int>();
        int next = record.LeadingFrees;
        for (int op = 0; op < ops; op++)
        {
            _signatures[op] = record.Ops[op].Signature;
            _prefixes[op + 1] = StepRecord.Combine(_prefixes[op], _signatures[op]);
            _firstBinding[op] = bindings.Count;
            foreach (StreamEvent e in record.EventsOf(op))
            {
                int tensor = tensorOfEvent[next++];
                if (e.Kind == StreamEventKind.Free) continue;
                bindings.Add(tensor);
                if (tensor >= 0 && e.Block.State != ResidencyState.Dead) _bound[tensor] = e.Block;
            }

            _roomOfOp[op] = RoomOf(op);
        }

        _firstBinding[ops] = bindings.Count;
        _bindings = [.. bindings];
        _uses = UsesOf(Trace);
        NoteLandmarks();
        SetPlan(MigrationPlan.OnDemand(Trace, 0, EvictionOrder.FarthestNextUse, "on-demand"));
    }

    /// <summary>The steady step, with op durations of steps in which no transfer ran beside an op.</summary>
    public Trace Trace { get; private set; }

    /// <summary>The steady step as the current plan makes it: what transfers take from the ops is in their durations.</summary>
    public Trace TraceByPlan => _byPlan.IsEmpty ? Trace : Trace.WithSeconds(_byPlan.Medians());

    /// <summary>What is carried out.</summary>
    public MigrationPlan Plan { get; private set; } = null!;

    /// <summary>Most bytes that the plan has in host memory at once.</summary>
    public long HostBytes { get; private set; }

    /// <summary>Ops of the stream.</summary>
    public int Length => _signatures.Length;

    /// <summary>Takes down how long the ops of a whole step took that ran by the current plan.</summary>
    public void NoteDurations(StepRecord record)
    {
        _byPlan.Add(record);
        if (Plan.Migrations.Count > 0) return;
        // Without migrations every transfer is a wait, and waits are not in the durations.
        _undisturbed.Add(record);
        Trace = Trace.WithSeconds(_undisturbed.Medians());
    }

    /// <summary>Takes another plan for the same trace.</summary>
    public void SetPlan(MigrationPlan plan)
    {
        _byPlan.Clear();
        Plan = plan;
        (_firstOffload, _offloads) = ByOp(plan, MigrationKind.Offload);
        (_firstPrefetch, _prefetches) = ByOp(plan, MigrationKind.Prefetch);
        HostBytes = MostHostBytes();
    }

    /// <summary>Whether op <paramref name="op"/> has this signature.</summary>
    public bool Expects(int op, ulong signature) => op < Length && _signatures[op] == signature;

    /// <summary>Whether the stream begins with <paramref name="count"/> ops of this combined hash.</summary>
    public bool BeginsWith(int count, ulong prefix) => count <= Length && _prefixes[count] == prefix;

    /// <summary>
    /// The place that follows the last recorded ops: where the same ops used the same persistent tensors, the nearest at or behind
    /// <paramref name="from"/> first; -1 when there is none, or nothing tells which of several it is.
    /// </summary>
    public int FindPlace(StepRecord record, int from)
    {
        if (record.Ops.Count < Landmark) return -1;
        ulong hash = 0;
        for (int i = record.Ops.Count - Landmark; i < record.Ops.Count; i++) hash = StepRecord.Combine(hash, record.Ops[i].Signature);
        if (!_landmarks.TryGetValue(hash, out List<int>? places)) return -1;
        int first = places.BinarySearch(from);
        if (first < 0) first = ~first;
        for (int i = 0; i < places.Count; i++)
        {
            int place = places[(first + i) % places.Count];
            if (Agrees(record, place) ?? places.Count == 1) return place;
        }

        return -1;
    }

    /// <summary>Whether the last recorded ops used the persistent tensors that those before <paramref name="place"/> do; null when they used none.</summary>
    private bool? Agrees(StepRecord record, int place)
    {
        bool? agrees = null;
        for (int back = 1; back <= Landmark; back++)
        {
            int binding = _firstBinding[place - back];
            foreach (StreamEvent e in record.EventsOf(record.Ops.Count - back))
            {
                if (e.Kind == StreamEventKind.Free) continue;
                int known = e.Block.PlanTensor;
                int expected = _bindings[binding++];
                if (known < 0 || !Trace.Tensors[known].IsPersistent) continue;
                if (known != expected) return false;
                agrees = true;
            }
        }

        return agrees;
    }

    /// <summary>Notes which blocks the op used and allocated: they are its tensors now.</summary>
    public void Bind(int op, ReadOnlySpan<StreamEvent> events)
    {
        int next = _firstBinding[op];
        int end = _firstBinding[op + 1];
        foreach (ref readonly StreamEvent e in events)
        {
            if (e.Kind == StreamEventKind.Free) continue;
            if (next == end) return;
            int tensor = _bindings[next++];
            if (tensor < 0) continue;
            e.Block.PlanTensor = tensor;
            _bound[tensor] = e.Block;
        }
    }

    /// <summary>Marks every live block with its tensor in this program; others lose theirs.</summary>
    public void Claim(IEnumerable<TensorBlock> blocks)
    {
        foreach (TensorBlock block in blocks) block.PlanTensor = -1;
        for (int tensor = 0; tensor < _bound.Length; tensor++)
        {
            if (_bound[tensor] is not { } block) continue;
            if (block.State == ResidencyState.Dead) _bound[tensor] = null;
            else block.PlanTensor = tensor;
        }
    }

    /// <summary>The live block of a tensor; null when it is not known or dead.</summary>
    public TensorBlock? BlockOf(int tensor)
    {
        TensorBlock? block = _bound[tensor];
        return block is null || block.State == ResidencyState.Dead ? null : block;
    }

    /// <summary>Tensors that leave memory when the op has ended.</summary>
    public ReadOnlySpan<TieredTensor> OffloadsAfter(int op) => _offloads.AsSpan(_firstOffload[op].._firstOffload[op + 1]);

    /// <summary>Tensors that come back before the op begins.</summary>
    public ReadOnlySpan<TieredTensor> PrefetchesBefore(int op) => _prefetches.AsSpan(_firstPrefetch[op].._firstPrefetch[op + 1]);

    /// <summary>Bytes that the op allocates.</summary>
    public long RoomOfOp(int op) => _roomOfOp[op];

    /// <summary>Ops from <paramref name="op"/> to the next use of a tensor; a whole round when only the next step uses it.</summary>
    public long DistanceToNextUse(int tensor, int op)
    {
        int[] uses = _uses[tensor];
        if (uses.Length == 0) return long.MaxValue;
        int index = Array.BinarySearch(uses, op);
        if (index < 0) index = ~index;
        return index < uses.Length ? uses[index] - op : (long)uses[0] + Length - op;
    }

    private long RoomOf(int op)
    {
        long bytes = Trace.Ops[op].WorkspaceBytes;
        foreach (ref readonly TraceAccess access in Trace.AccessesOf(op))
        {
            if ((access.Kind & AccessKind.Create) != 0) bytes += Trace.Tensors[access.Tensor].Bytes;
        }

        return bytes;
    }

    /// <summary>Twice around the iteration, because tensors may wait across its end. What is away longer than planned is not counted.</summary>
    private long MostHostBytes()
    {
        var isHeld = new bool[Trace.Tensors.Length];
        long held = 0;
        long most = 0;
        for (int i = 0; i < 2 * Length; i++)
        {
            int op = i % Length;
            foreach (TieredTensor prefetch in PrefetchesBefore(op)) Note(prefetch.Tensor, false);
            foreach (TieredTensor offload in OffloadsAfter(op)) Note(offload.Tensor, offload.Target == WriteTarget.Host);
        }

        return most;

        void Note(int tensor, bool isHost)
        {
            if (isHeld[tensor] == isHost) return;
            isHeld[tensor] = isHost;
            held += isHost ? Trace.Tensors[tensor].Bytes : -Trace.Tensors[tensor].Bytes;
            most = Math.Max(most, held);
        }
    }

    private void NoteLandmarks()
    {
        for (int end = Landmark; end <= Length; end++)
        {
            ulong hash = 0;
            for (int i = end - Landmark; i < end; i++) hash = StepRecord.Combine(hash, _signatures[i]);
            if (!_landmarks.TryGetValue(hash, out List<int>? places)) _landmarks.Add(hash, places = []);
            places.Add(end);
        }
    }

    private static int[][] UsesOf(Trace trace)
    {
        var uses = new List<int>[trace.Tensors.Length];
        for (int i = 0; i < uses.Length; i++) uses[i] = [];
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                if (access.IsUse) uses[access.Tensor].Add(op);
            }
        }

        return [.. uses.Select(static u => u.ToArray())];
    }

    private (int[] First, TieredTensor[] Tensors) ByOp(MigrationPlan plan, MigrationKind kind)
    {
        var first = new int[Length + 1];
        foreach (PlannedMigration migration in plan.Migrations)
        {
            if (migration.Kind == kind) first[migration.IssueOp + 1]++;
        }

        for (int op = 0; op < Length; op++) first[op + 1] += first[op];
        var tensors = new TieredTensor[first[Length]];
        int[] next = [.. first];
        foreach (PlannedMigration migration in plan.Migrations)
        {
            if (migration.Kind != kind) continue;
            tensors[next[migration.IssueOp]++] = new TieredTensor(migration.Tensor, migration.Tier == MemoryTier.Host ? WriteTarget.Host : WriteTarget.Paths);
        }

        return (first, tensors);
    }
}
