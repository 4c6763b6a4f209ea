using TeraIO.Core.Storage;

namespace TeraIO.Core.Tiers;

/// <summary>
/// What each path is worth for the next bytes. Adaptive: a byte is written once and read later, so a path that writes at W and reads at R is worth
/// 1 / (w / W + r / R), with w and r the shares of writes and reads in the store's traffic (MLP-Offload divides by a static ratio here). Not thread-safe.
/// </summary>
/// <param name="paths">Of the store.</param>
/// <param name="fixedShares">Weights that replace the measured ones, or null.</param>
/// <param name="probes">Whether paths that get nothing are probed; not where transfers need a device's memory, which a probe has none of.</param>
internal sealed class PathWeights(IReadOnlyList<StorePath> paths, IReadOnlyList<double>? fixedShares, bool probes)
{
    // Below the first the others hardly gain from the path, and whoever needs one of its stripes waits long; the second keeps it from flapping.
    internal const double TooSmallAShare = 1.0 / 32;
    private const double WorthAShare = 1.0 / 24;

    private readonly DirectionMix _mix = new();
    private readonly double[] _reads = new double[paths.Count];
    private readonly double[] _writes = new double[paths.Count];

    /// <summary>Writes one weight per path, 0 for those that are to get nothing, sets the paths' states, and starts the probes that are due.</summary>
    public void Update(long now, Span<double> weights)
    {
        Weigh(now, weights);
        double sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (paths[i].IsWornOut || paths[i].Condition.IsFailing)
                weights[i] = 0;
            sum += weights[i];
        }
        for (int i = 0; i < weights.Length; i++)
        {
            paths[i].SetState(Judge(paths[i], weights[i], sum));
            if (paths[i].State == PathState.Slow)
                weights[i] = 0;
            if (probes && paths[i].State is PathState.Slow or PathState.Failing)
                paths[i].Probe.TryStart(now);
        }
    }

    private PathState Judge(StorePath path, double weight, double sum)
    {
        if (path.IsWornOut)
            return PathState.WornOut;
        if (path.Condition.IsFailing)
            return PathState.Failing;
        double enough = path.State == PathState.Slow ? WorthAShare : TooSmallAShare;
        return fixedShares is null && weight < enough * sum ? PathState.Slow : PathState.Open;
    }

    private void Weigh(long now, Span<double> weights)
    {
        if (fixedShares is not null)
        {
            for (int i = 0; i < weights.Length; i++)
                weights[i] = fixedShares[i];
            return;
        }
        long read = 0;
        long written = 0;
        for (int i = 0; i < paths.Count; i++)
        {
            read += paths[i].Engine.Counters.BytesRead;
            written += paths[i].Engine.Counters.BytesWritten;
            _reads[i] = paths[i].Condition.Reads.Rate(now);
            _writes[i] = paths[i].Condition.Writes.Rate(now);
        }
        _mix.Observe(read, written);
        double mostRead = _reads.Max();
        double mostWritten = _writes.Max();
        for (int i = 0; i < weights.Length; i++)
        {
            // A path that is not known yet is taken for as good as the best, which makes it known soon.
            double writes = FirstPositive(_writes[i], mostWritten, _reads[i], mostRead);
            double reads = FirstPositive(_reads[i], mostRead, writes, 1);
            weights[i] = Worth(reads, writes, _mix.WriteShare);
        }
    }

    /// <summary>Bytes per second that a path moves of a traffic with this share of writes: what it is worth.</summary>
    internal static double Worth(double readRate, double writeRate, double writeShare) => 1 / ((writeShare / writeRate) + ((1 - writeShare) / readRate));

    private static double FirstPositive(double first, double second, double third, double fourth) =>
        first > 0 ? first : second > 0 ? second : third > 0 ? third : fourth > 0 ? fourth : 1;
}
