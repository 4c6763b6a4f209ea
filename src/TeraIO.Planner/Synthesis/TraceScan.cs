using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>One pass over a trace for <see cref="TraceStatistics"/>.</summary>
internal sealed class TraceScan
{
    private const int None = -1;

    private readonly Trace _trace;
    private readonly double[] _start;
    private readonly int[] _create;
    private readonly int[] _free;
    private readonly List<int>[] _uses;
    private readonly List<InactivePeriod> _periods = [];

    public TraceScan(Trace trace)
    {
        _trace = trace;
        _start = new double[trace.Ops.Length + 1];
        for (int i = 0; i < trace.Ops.Length; i++) _start[i + 1] = _start[i] + trace.Ops[i].Seconds;
        _create = new int[trace.Tensors.Length];
        _free = new int[trace.Tensors.Length];
        _create.AsSpan().Fill(None);
        _free.AsSpan().Fill(None);
        _uses = new List<int>[trace.Tensors.Length];
        for (int i = 0; i < _uses.Length; i++) _uses[i] = [];
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (TraceAccess access in trace.AccessesOf(op))
            {
                if ((access.Kind & AccessKind.Create) != 0) _create[access.Tensor] = op;
                if ((access.Kind & AccessKind.Free) != 0) _free[access.Tensor] = op;
                if (access.IsUse) _uses[access.Tensor].Add(op);
            }
        }

        for (int i = 0; i < _uses.Length; i++) FindPeriods(i);
    }

    public TraceStatistics Statistics()
    {
        long[] live = LiveBytes();
        int peakOp = 0;
        long largest = 0;
        double activeSeconds = 0;
        double liveSeconds = 0;
        for (int op = 0; op < live.Length; op++)
        {
            if (live[op] > live[peakOp]) peakOp = op;
            long active = _trace.Ops[op].WorkspaceBytes;
            foreach (TraceAccess access in _trace.AccessesOf(op)) active += access.IsUse ? _trace.Tensors[access.Tensor].Bytes : 0;
            largest = Math.Max(largest, active + _trace.Header.BaselineBytes);
            activeSeconds += active * _trace.Ops[op].Seconds;
            liveSeconds += live[op] * _trace.Ops[op].Seconds;
        }

        (Dictionary<TensorKind, long> bytes, Dictionary<TensorKind, int> count, Dictionary<TensorKind, long> atPeak) = ByKind(peakOp);
        return new TraceStatistics
        {
            Ops = _trace.Ops.Length,
            Tensors = _trace.Tensors.Length,
            IdealSeconds = _trace.IdealSeconds,
            PeakBytes = live[peakOp],
            PeakOp = peakOp,
            PeakBytesByKind = atPeak,
            BytesByKind = bytes,
            TensorsByKind = count,
            LargestWorkingSetBytes = largest,
            ActiveShare = liveSeconds > 0 ? activeSeconds / liveSeconds : 0,
            InactivePeriods = _periods,
        };
    }

    private (Dictionary<TensorKind, long> Bytes, Dictionary<TensorKind, int> Count, Dictionary<TensorKind, long> AtPeak) ByKind(int peakOp)
    {
        var bytes = new Dictionary<TensorKind, long>();
        var count = new Dictionary<TensorKind, int>();
        var atPeak = new Dictionary<TensorKind, long>();
        foreach (TensorKind kind in Enum.GetValues<TensorKind>()) (bytes[kind], count[kind], atPeak[kind]) = (0, 0, 0);
        for (int i = 0; i < _uses.Length; i++)
        {
            TraceTensor tensor = _trace.Tensors[i];
            bytes[tensor.Kind] += tensor.Bytes;
            count[tensor.Kind]++;
            if (IsAlive(i, peakOp)) atPeak[tensor.Kind] += tensor.Bytes;
        }

        return (bytes, count, atPeak);
    }

    private bool IsAlive(int tensor, int op)
    {
        if (_create[tensor] == None) return true;
        bool wraps = _free[tensor] < _create[tensor];
        return wraps ? op >= _create[tensor] || op <= _free[tensor] : op >= _create[tensor] && op <= _free[tensor];
    }

    private long[] LiveBytes()
    {
        var live = new long[_trace.Ops.Length];
        long now = _trace.Header.BaselineBytes;
        for (int i = 0; i < _uses.Length; i++)
        {
            if (IsAlive(i, 0) && _create[i] != 0) now += _trace.Tensors[i].Bytes;
        }

        for (int op = 0; op < live.Length; op++)
        {
            foreach (TraceAccess access in _trace.AccessesOf(op))
            {
                if ((access.Kind & AccessKind.Create) != 0) now += _trace.Tensors[access.Tensor].Bytes;
            }

            live[op] = now + _trace.Ops[op].WorkspaceBytes;
            foreach (TraceAccess access in _trace.AccessesOf(op))
            {
                if ((access.Kind & AccessKind.Free) != 0) now -= _trace.Tensors[access.Tensor].Bytes;
            }
        }

        return live;
    }

    private void FindPeriods(int tensor)
    {
        List<int> uses = _uses[tensor];
        for (int i = 0; i + 1 < uses.Count; i++)
        {
            // Between the last use before a free and the create that follows in the same iteration there is no tensor.
            if (_create[tensor] == uses[i + 1]) continue;
            Add(tensor, uses[i], uses[i + 1], _start[uses[i + 1]] - _start[uses[i] + 1]);
        }

        if (uses.Count == 0) return;
        bool wraps = _create[tensor] == None || _free[tensor] < _create[tensor];
        // A tensor that wraps around and is only freed in the next iteration has no next use.
        if (!wraps || uses[0] == _create[tensor]) return;
        Add(tensor, uses[^1], uses[0], _start[^1] - _start[uses[^1] + 1] + _start[uses[0]]);
    }

    private void Add(int tensor, int after, int before, double seconds)
    {
        if ((after + 1) % _trace.Ops.Length != before) _periods.Add(new InactivePeriod(tensor, after, before, _trace.Tensors[tensor].Bytes, Math.Max(0, seconds)));
    }
}
