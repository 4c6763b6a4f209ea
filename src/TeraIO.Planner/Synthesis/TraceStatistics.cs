using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>What a trace looks like: how much memory it takes, for what, how little of it is in use at a time and how long the rest lies idle. Immutable.</summary>
public sealed record TraceStatistics
{
    /// <summary>Ops of the iteration.</summary>
    public required int Ops { get; init; }

    /// <summary>Tensors of the iteration.</summary>
    public required int Tensors { get; init; }

    /// <summary>Seconds with unlimited memory.</summary>
    public required double IdealSeconds { get; init; }

    /// <summary>Most bytes in memory at once, workspace and small tensors included.</summary>
    public required long PeakBytes { get; init; }

    /// <summary>The op at which that is.</summary>
    public required int PeakOp { get; init; }

    /// <summary>Bytes in memory at the peak, by kind; what belongs to no tensor of the trace is not in it.</summary>
    public required IReadOnlyDictionary<TensorKind, long> PeakBytesByKind { get; init; }

    /// <summary>Sizes of all tensors together, by kind.</summary>
    public required IReadOnlyDictionary<TensorKind, long> BytesByKind { get; init; }

    /// <summary>Number of tensors, by kind.</summary>
    public required IReadOnlyDictionary<TensorKind, int> TensorsByKind { get; init; }

    /// <summary>Most bytes that one op needs at once: no smaller budget works.</summary>
    public required long LargestWorkingSetBytes { get; init; }

    /// <summary>Bytes that the running op uses over bytes in memory, averaged over time.</summary>
    public required double ActiveShare { get; init; }

    /// <summary>Every time in which a tensor is alive and unused, in no particular order; around the end of the iteration for persistent ones.</summary>
    public required IReadOnlyList<InactivePeriod> InactivePeriods { get; init; }

    /// <summary>Share of inactive bytes x seconds that lies in periods of at least so many seconds.</summary>
    public double InactiveShareFrom(double seconds)
    {
        double all = 0;
        double longer = 0;
        foreach (InactivePeriod period in InactivePeriods)
        {
            double weight = period.Bytes * period.Seconds;
            all += weight;
            if (period.Seconds >= seconds) longer += weight;
        }

        return all == 0 ? 0 : longer / all;
    }

    /// <summary>How many periods, and how many bytes in them, fall into each class of size and length.</summary>
    /// <param name="sizes">Rising limits in bytes; class i has what is below limit i, the last class the rest.</param>
    /// <param name="lengths">Rising limits in seconds, likewise.</param>
    /// <returns>By class of size, then of length.</returns>
    public (int Periods, long Bytes)[,] Distribution(ReadOnlySpan<long> sizes, ReadOnlySpan<double> lengths)
    {
        var table = new (int Periods, long Bytes)[sizes.Length + 1, lengths.Length + 1];
        foreach (InactivePeriod period in InactivePeriods)
        {
            int size = 0;
            while (size < sizes.Length && period.Bytes >= sizes[size]) size++;
            int length = 0;
            while (length < lengths.Length && period.Seconds >= lengths[length]) length++;
            ref (int Periods, long Bytes) entry = ref table[size, length];
            entry.Periods++;
            entry.Bytes += period.Bytes;
        }

        return table;
    }

    /// <summary>Looks at a trace once.</summary>
    public static TraceStatistics Of(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new TraceScan(trace).Statistics();
    }
}

/// <summary>A time in which a tensor is alive and no op uses it.</summary>
/// <param name="Tensor">Index into the trace's tensors.</param>
/// <param name="AfterOp">The op that used it last.</param>
/// <param name="BeforeOp">The op that uses it next; not larger than <paramref name="AfterOp"/> when that is in the next iteration.</param>
/// <param name="Bytes">The tensor's size.</param>
/// <param name="Seconds">From the end of the one to the beginning of the other, with unlimited memory.</param>
public readonly record struct InactivePeriod(int Tensor, int AfterOp, int BeforeOp, long Bytes, double Seconds);
