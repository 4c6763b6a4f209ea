namespace TeraIO.Core.Tracing;

/// <summary>
/// One steady iteration of training as the planner sees it: ops in order, tensors, and which op uses which. It repeats: op 0 follows the last
/// one. Immutable and thread-safe; made by a <see cref="TraceBuilder"/>.
/// </summary>
public sealed class Trace
{
    private readonly TraceOp[] _ops;
    private readonly TraceTensor[] _tensors;
    private readonly TraceAccess[] _accesses;
    private readonly int[] _firstAccess; // one more than ops

    internal Trace(TraceHeader header, TraceOp[] ops, TraceTensor[] tensors, TraceAccess[] accesses, int[] firstAccess)
    {
        Header = header;
        _ops = ops;
        _tensors = tensors;
        _accesses = accesses;
        _firstAccess = firstAccess;
    }

    /// <summary>What concerns the iteration as a whole.</summary>
    public TraceHeader Header { get; }

    /// <summary>The ops in the order in which they run.</summary>
    public ReadOnlySpan<TraceOp> Ops => _ops;

    /// <summary>The tensors; accesses name them by index.</summary>
    public ReadOnlySpan<TraceTensor> Tensors => _tensors;

    /// <summary>Every access, op by op.</summary>
    public ReadOnlySpan<TraceAccess> Accesses => _accesses;

    /// <summary>What op <paramref name="op"/> does to tensors.</summary>
    public ReadOnlySpan<TraceAccess> AccessesOf(int op) => _accesses.AsSpan(_firstAccess[op].._firstAccess[op + 1]);

    /// <summary>The same iteration with other durations, one per op.</summary>
    /// <exception cref="TraceFormatException">There is not one per op, or one is negative or no number.</exception>
    public Trace WithSeconds(ReadOnlySpan<double> seconds)
    {
        if (seconds.Length != _ops.Length) throw new TraceFormatException($"There are {seconds.Length} durations for {_ops.Length} ops.");
        var ops = (TraceOp[])_ops.Clone();
        for (int i = 0; i < ops.Length; i++) ops[i] = ops[i] with { Seconds = seconds[i] };
        TraceValidation.CheckOps(ops);
        return new Trace(Header, ops, _tensors, _accesses, _firstAccess);
    }

    /// <summary>Seconds of all ops: an iteration with unlimited memory.</summary>
    public double IdealSeconds
    {
        get
        {
            double sum = 0;
            foreach (ref readonly TraceOp op in Ops) sum += op.Seconds;
            return sum;
        }
    }
}

/// <summary>What concerns an iteration as a whole.</summary>
/// <param name="Name">What was traced, for people.</param>
/// <param name="Source">Who made the trace, for people.</param>
/// <param name="BaselineBytes">Bytes that are in memory all the time and belong to none of the tensors (too small to move).</param>
/// <param name="Tokens">Tokens (or samples) trained per iteration; 0 when not known.</param>
public sealed record TraceHeader(string Name, string Source = "", long BaselineBytes = 0, long Tokens = 0);
