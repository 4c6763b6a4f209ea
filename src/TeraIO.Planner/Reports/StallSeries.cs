using TeraIO.Core.Plans;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>Waiting over the iteration, by cause.</summary>
/// <param name="BucketSeconds">Length of a bucket.</param>
/// <param name="SharePerCause">For each cause with any stall, the share of each bucket that ops spent waiting for it.</param>
public sealed record StallSeries(double BucketSeconds, IReadOnlyDictionary<StallCause, double[]> SharePerCause)
{
    /// <summary>Of a feasible simulation.</summary>
    public static StallSeries Of(SimulationResult simulation, int buckets)
    {
        ArgumentNullException.ThrowIfNull(simulation);
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 1);
        double width = (simulation.StepSeconds > 0 ? simulation.StepSeconds : 1) / buckets;
        var shares = new SortedDictionary<StallCause, double[]>();
        for (int op = 0; op < simulation.StallPerOp.Count; op++)
        {
            double seconds = simulation.StallPerOp[op];
            if (seconds <= 0) continue;
            if (!shares.TryGetValue(simulation.StallCausePerOp[op], out double[]? ofCause))
                shares.Add(simulation.StallCausePerOp[op], ofCause = new double[buckets]);
            Add(ofCause, (simulation.OpStart[op] - seconds) / width, simulation.OpStart[op] / width);
        }

        return new StallSeries(width, shares);
    }

    private static void Add(double[] shares, double from, double to)
    {
        // A wait before the first op lies at the end of the iteration before.
        for (long i = (long)Math.Floor(from); i < to; i++)
        {
            int bucket = (int)(((i % shares.Length) + shares.Length) % shares.Length);
            shares[bucket] = Math.Min(1, shares[bucket] + Math.Min(i + 1, to) - Math.Max(i, from));
        }
    }
}
