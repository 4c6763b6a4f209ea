using System.Runtime.InteropServices;

namespace TeraIO.Core.Tracing;

/// <summary>
/// Puts a <see cref="Trace"/> together: tensors and ops in any interleaving, each op's accesses right after it. Not thread-safe.
/// </summary>
public sealed class TraceBuilder(TraceHeader header)
{
    private readonly List<TraceOp> _ops = [];
    private readonly List<TraceTensor> _tensors = [];
    private readonly List<TraceAccess> _accesses = [];
    private readonly List<int> _firstAccess = [];
    private readonly List<int> _lastAccess = []; // per tensor, its place in _accesses; -1 before the first

    /// <summary>Ops so far.</summary>
    public int OpCount => _ops.Count;

    /// <summary>Tensors so far.</summary>
    public int TensorCount => _tensors.Count;

    /// <summary>Adds a tensor.</summary>
    /// <returns>Its index.</returns>
    public int AddTensor(TraceTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _tensors.Add(tensor);
        _lastAccess.Add(-1);
        return _tensors.Count - 1;
    }

    /// <summary>Adds an op; accesses that follow are its own.</summary>
    /// <returns>Its index.</returns>
    public int AddOp(TraceOp op)
    {
        _ops.Add(op);
        _firstAccess.Add(_accesses.Count);
        return _ops.Count - 1;
    }

    /// <summary>Adds to what the last op does to a tensor; twice the same tensor is combined.</summary>
    public void Access(int tensor, AccessKind kind)
    {
        if (_ops.Count == 0) throw new InvalidOperationException("An access needs an op before it.");
        // A tensor that does not exist is refused by Build, with everything else.
        if ((uint)tensor < (uint)_tensors.Count)
        {
            int last = _lastAccess[tensor];
            if (last >= _firstAccess[^1])
            {
                _accesses[last] = new TraceAccess(tensor, _accesses[last].Kind | kind);
                return;
            }

            _lastAccess[tensor] = _accesses.Count;
        }

        _accesses.Add(new TraceAccess(tensor, kind));
    }

    /// <summary>The trace; the builder is not to be used any more.</summary>
    /// <exception cref="TraceFormatException">It contradicts itself; the message names the op or tensor and the rule.</exception>
    public Trace Build()
    {
        TraceValidation.Check(header, CollectionsMarshal.AsSpan(_ops), CollectionsMarshal.AsSpan(_tensors), CollectionsMarshal.AsSpan(_accesses), CollectionsMarshal.AsSpan(_firstAccess));
        return new Trace(header, [.. _ops], [.. _tensors], [.. _accesses], [.. _firstAccess, _accesses.Count]);
    }
}
