using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Synthesis;

/// <summary>What a trace looks like: how much memory it takes, for what, how little of it is in use at a time and how long the rest lies idle. Immutable.</summary>
public sealed class TraceStatistics
{
    private readonly Trace _trace;
    private readonly TraceLifetimes _lifetimes;
    private readonly double[] _start; // one more than ops

    private TraceStatistics(Trace trace)
    {
        _trace = trace;
        _lifetimes = TraceLifetimes.Of(trace);
        _start = new double[trace.Ops.Length + 1];
        for (int i = 0; i < trace.Ops.Length; i++) _start[i + 1] = _start[i] + trace.Ops[i].Seconds;
        MeasureActive();
        CountKinds();
    }

    /// <summary>Looks at a trace once.</summary>
    public static TraceStatistics Of(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new TraceStatistics(trace);
    }

    /// <summary>Ops of the iteration.</summary>
    public int Ops => _trace.Ops.Length;

    /// <summary>Tensors of the iteration.</summary>
    public int Tensors => _trace.Tensors.Length;

    /// <summary>Seconds with unlimited memory.</summary>
    public double IdealSeconds => _start[^1];

    /// <summary>Most bytes in memory at once, workspace and small tensors included.</summary>
    public long PeakBytes => _lifetimes.PeakBytes;

    /// <summary>The op at which that is.</summary>
    public int PeakOp => _lifetimes.PeakOp;

    /// <summary>Bytes in memory at the peak, by kind; what belongs to no tensor of the trace is not in it.</summary>
    public IReadOnlyDictionary<TensorKind, long> PeakBytesByKind { get; private set; } = null!;

    /// <summary>Sizes of all tensors together, by kind.</summary>
    public IReadOnlyDictionary<TensorKind, long> BytesByKind { get; private set; } = null!;

    /// <summary>Number of tensors, by kind.</summary>
    public IReadOnlyDictionary<TensorKind, int> TensorsByKind { get; private set; } = null!;

    /// <summary>Most bytes that one op needs at once: no smaller budget works.</summary>
    public long LargestWorkingSetBytes { get; private set; }

    /// <summary>Bytes that the running op uses over bytes in memory, both averaged over time.</summary>
    public double ActiveShare { get; private set; }

    /// <summary>
    /// Seconds between two uses of a tensor in which no op uses it, with unlimited memory: one per inactive period of <see cref="TraceLifetimes"/> whose
    /// bytes are needed again, around the end of the iteration for persistent tensors.
    /// </summary>
    public IEnumerable<(long Bytes, double Seconds)> InactivePeriods()
    {
        for (int i = 0; i < _lifetimes.Periods.Length; i++)
        {
            InactivePeriod period = _lifetimes.Periods[i];
            if (period.IsRead) yield return (period.Bytes, SecondsBetween(period.StartOp, period.EndOp));
        }
    }

    /// <summary>How many inactive periods, and how many bytes in them, fall into each class of size and length.</summary>
    /// <param name="sizes">Rising limits in bytes; class i has what is below limit i, the last class the rest.</param>
    /// <param name="lengths">Rising limits in seconds, likewise.</param>
    /// <returns>By class of size, then of length.</returns>
    public (int Periods, long Bytes)[,] InactivePeriodsBy(ReadOnlySpan<long> sizes, ReadOnlySpan<double> lengths)
    {
        var table = new (int Periods, long Bytes)[sizes.Length + 1, lengths.Length + 1];
        for (int i = 0; i < _lifetimes.Periods.Length; i++)
        {
            InactivePeriod period = _lifetimes.Periods[i];
            if (period.IsRead) Count(table, sizes, lengths, period.Bytes, SecondsBetween(period.StartOp, period.EndOp));
        }

        return table;
    }

    /// <summary>How many tensors, and how many bytes in them, live for how long; those of persistent ones last the whole iteration.</summary>
    /// <inheritdoc cref="InactivePeriodsBy"/>
    public (int Tensors, long Bytes)[,] LifetimesBy(ReadOnlySpan<long> sizes, ReadOnlySpan<double> lengths)
    {
        var table = new (int Tensors, long Bytes)[sizes.Length + 1, lengths.Length + 1];
        for (int i = 0; i < _trace.Tensors.Length; i++)
        {
            TensorLifetime life = _lifetimes.Tensors[i];
            double seconds = life.IsPersistent ? IdealSeconds : _start[life.FreeOp + 1] - _start[life.CreateOp] + (life.WrapsIteration ? IdealSeconds : 0);
            Count(table, sizes, lengths, _trace.Tensors[i].Bytes, seconds);
        }

        return table;
    }

    private static void Count((int Number, long Bytes)[,] table, ReadOnlySpan<long> sizes, ReadOnlySpan<double> lengths, long bytes, double seconds)
    {
        int size = 0;
        while (size < sizes.Length && bytes >= sizes[size]) size++;
        int length = 0;
        while (length < lengths.Length && seconds >= lengths[length]) length++;
        ref (int Number, long Bytes) entry = ref table[size, length];
        entry.Number++;
        entry.Bytes += bytes;
    }

    private double SecondsBetween(int after, int before) =>
        Math.Max(0, _start[before] - _start[after + 1] + (before <= after ? IdealSeconds : 0));

    private void MeasureActive()
    {
        double activeSeconds = 0;
        double liveSeconds = 0;
        for (int op = 0; op < Ops; op++)
        {
            long active = _trace.Ops[op].WorkspaceBytes;
            foreach (TraceAccess access in _trace.AccessesOf(op)) active += access.IsUse ? _trace.Tensors[access.Tensor].Bytes : 0;
            LargestWorkingSetBytes = Math.Max(LargestWorkingSetBytes, active + _trace.Header.BaselineBytes);
            activeSeconds += active * _trace.Ops[op].Seconds;
            liveSeconds += _lifetimes.LiveBytes[op] * _trace.Ops[op].Seconds;
        }

        ActiveShare = liveSeconds > 0 ? activeSeconds / liveSeconds : 0;
    }

    private void CountKinds()
    {
        TensorKind[] kinds = Enum.GetValues<TensorKind>();
        var bytes = kinds.ToDictionary(static k => k, static _ => 0L);
        var count = kinds.ToDictionary(static k => k, static _ => 0);
        var atPeak = kinds.ToDictionary(static k => k, static _ => 0L);
        for (int i = 0; i < _trace.Tensors.Length; i++)
        {
            TraceTensor tensor = _trace.Tensors[i];
            bytes[tensor.Kind] += tensor.Bytes;
            count[tensor.Kind]++;
            if (_lifetimes.Tensors[i].IsAliveAt(PeakOp)) atPeak[tensor.Kind] += tensor.Bytes;
        }

        (BytesByKind, TensorsByKind, PeakBytesByKind) = (bytes, count, atPeak);
    }
}
