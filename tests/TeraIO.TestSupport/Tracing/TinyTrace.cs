using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.TestSupport.Tracing;

/// <summary>
/// Hand-made traces of a few ops, written so that their timeline can be followed on paper: tensors have names, accesses are written
/// <c>"W:rw"</c> with c, r, w and f for create, read, write and free. Plans for them name tensors the same way.
/// </summary>
public sealed class TinyTrace
{
    private readonly TraceBuilder _builder;
    private readonly Dictionary<string, int> _indices = [];
    private readonly List<long> _bytes = [];
    private readonly List<PlannedMigration> _migrations = [];
    private Trace? _trace;

    /// <param name="baselineBytes">Always in memory.</param>
    public TinyTrace(long baselineBytes = 0) => _builder = new TraceBuilder(new TraceHeader("tiny", "hand-made", baselineBytes));

    /// <summary>The trace; no more tensors and ops from here on.</summary>
    public Trace Trace => _trace ??= _builder.Build();

    /// <summary>Index of a tensor.</summary>
    public int this[string tensor] => _indices[tensor];

    /// <summary>Adds a tensor that exists in every iteration.</summary>
    public TinyTrace Weight(string name, long bytes, bool isMovable = true) => Add(name, bytes, TensorKind.Parameter, isPersistent: true, isMovable);

    /// <summary>Adds a tensor that an op creates and one frees.</summary>
    public TinyTrace Activation(string name, long bytes, bool isMovable = true) => Add(name, bytes, TensorKind.Activation, isPersistent: false, isMovable);

    /// <summary>Adds an op.</summary>
    /// <param name="seconds">How long it runs.</param>
    /// <param name="accesses">What it does, such as <c>"W:r"</c>.</param>
    public TinyTrace Op(double seconds, params string[] accesses) => Op(seconds, 0, accesses);

    /// <summary>Adds an op with a workspace.</summary>
    public TinyTrace Op(double seconds, long workspaceBytes, params string[] accesses)
    {
        ArgumentNullException.ThrowIfNull(accesses);
        _builder.AddOp(new TraceOp($"op{_builder.OpCount}", seconds, WorkspaceBytes: workspaceBytes));
        foreach (string access in accesses)
        {
            string[] parts = access.Split(':');
            _builder.Access(_indices[parts[0]], parts[1].Aggregate(AccessKind.None, static (kind, c) => kind | KindOf(c)));
        }

        return this;
    }

    /// <summary>Plans an offload after an op.</summary>
    public TinyTrace Offload(string tensor, int after, MemoryTier tier = MemoryTier.Ssd, long offset = 0, long bytes = 0) =>
        Plan(MigrationKind.Offload, tensor, after, tier, offset, bytes);

    /// <summary>Plans a prefetch before an op.</summary>
    public TinyTrace Prefetch(string tensor, int before, MemoryTier tier = MemoryTier.Ssd, long offset = 0, long bytes = 0) =>
        Plan(MigrationKind.Prefetch, tensor, before, tier, offset, bytes);

    /// <summary>Plans a discard after an op.</summary>
    public TinyTrace Discard(string tensor, int after) => Plan(MigrationKind.Discard, tensor, after, MemoryTier.Ssd, 0, 0);

    /// <summary>Plans a recomputation before an op.</summary>
    public TinyTrace Recompute(string tensor, int before) => Plan(MigrationKind.Recompute, tensor, before, MemoryTier.Ssd, 0, 0);

    /// <summary>The plan.</summary>
    public MigrationPlan ToPlan(EvictionOrder order = EvictionOrder.FarthestNextUse) => MigrationPlan.OnDemand(Trace, 0, order, "hand-made") with
    {
        Migrations = [.. _migrations.OrderBy(static m => (m.IssueOp, m.Kind is MigrationKind.Offload or MigrationKind.Discard))],
    };

    private TinyTrace Add(string name, long bytes, TensorKind kind, bool isPersistent, bool isMovable)
    {
        _indices.Add(name, _builder.AddTensor(new TraceTensor(bytes, kind, isPersistent, name, isMovable)));
        _bytes.Add(bytes);
        return this;
    }

    private TinyTrace Plan(MigrationKind kind, string tensor, int op, MemoryTier tier, long offset, long bytes)
    {
        int index = _indices[tensor];
        _migrations.Add(new PlannedMigration(kind, index, offset, bytes == 0 ? _bytes[index] - offset : bytes, tier, kind == MigrationKind.Offload, op, op));
        return this;
    }

    private static AccessKind KindOf(char c) => c switch
    {
        'c' => AccessKind.Create,
        'r' => AccessKind.Read,
        'w' => AccessKind.Write,
        'f' => AccessKind.Free,
        _ => throw new ArgumentException($"'{c}' is no access.", nameof(c)),
    };
}
