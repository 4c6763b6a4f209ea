using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>How busy one direction of one tier is over the iteration.</summary>
/// <param name="Tier">The other end.</param>
/// <param name="Kind">Prefetch (towards memory) or offload (away from it).</param>
/// <param name="Bandwidth">Bytes per second that it can move alone.</param>
/// <param name="Bytes">Bytes per iteration.</param>
/// <param name="BucketSeconds">Length of a bucket.</param>
/// <param name="BytesPerSecond">Mean rate in each bucket.</param>
public sealed record PathUtilisation(
    MemoryTier Tier, MigrationKind Kind, double Bandwidth, long Bytes, double BucketSeconds, IReadOnlyList<double> BytesPerSecond)
{
    /// <summary>Such as <c>SSD read</c>.</summary>
    public string Name => NameOf(Tier, Kind);

    /// <summary>Share of what it could move in the iteration.</summary>
    public double MeanShare => Bandwidth > 0 && BytesPerSecond.Count > 0 ? BytesPerSecond.Average() / Bandwidth : 0;

    /// <summary>The name of a direction of a tier.</summary>
    public static string NameOf(MemoryTier tier, MigrationKind kind) =>
        (tier == MemoryTier.Ssd ? "SSD" : "Host") + (kind == MigrationKind.Prefetch ? " read" : " write");

    /// <summary>
    /// One for each direction of each tier of the machine. A transfer's bytes are spread evenly from its first byte to its last; what lies after the
    /// iteration's end is counted at its start, since the iteration repeats.
    /// </summary>
    public static IReadOnlyList<PathUtilisation> Of(SimulationResult simulation, MachineModel machine, int buckets)
    {
        ArgumentNullException.ThrowIfNull(simulation);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 1);
        var paths = new List<PathUtilisation>
        {
            One(simulation, MemoryTier.Ssd, MigrationKind.Prefetch, machine.Storage.ReadBandwidth, buckets),
            One(simulation, MemoryTier.Ssd, MigrationKind.Offload, machine.Storage.WriteBandwidth, buckets),
        };
        if (machine.Host is { } host)
        {
            paths.Add(One(simulation, MemoryTier.Host, MigrationKind.Prefetch, host.ReadBandwidth, buckets));
            paths.Add(One(simulation, MemoryTier.Host, MigrationKind.Offload, host.WriteBandwidth, buckets));
        }

        return paths;
    }

    private static PathUtilisation One(SimulationResult simulation, MemoryTier tier, MigrationKind kind, double bandwidth, int buckets)
    {
        double step = simulation.StepSeconds > 0 ? simulation.StepSeconds : 1;
        double width = step / buckets;
        var bytes = new double[buckets];
        long sum = 0;
        foreach (SimulatedTransfer transfer in simulation.Transfers)
        {
            if (transfer.Tier != tier || transfer.Kind != kind) continue;
            sum += transfer.Bytes;
            Spread(bytes, width, transfer);
        }

        for (int i = 0; i < buckets; i++) bytes[i] /= width;
        return new PathUtilisation(tier, kind, bandwidth, sum, width, bytes);
    }

    private static void Spread(double[] buckets, double width, in SimulatedTransfer transfer)
    {
        double from = transfer.Started / width;
        double to = transfer.Ended / width;
        if (!(to - from > 1e-9))
        {
            buckets[Fold((long)Math.Floor(from), buckets.Length)] += transfer.Bytes;
            return;
        }

        double perBucket = transfer.Bytes / (to - from);
        for (long i = (long)Math.Floor(from); i < to; i++)
        {
            double part = Math.Min(i + 1, to) - Math.Max(i, from);
            buckets[Fold(i, buckets.Length)] += perBucket * part;
        }
    }

    private static int Fold(long bucket, int buckets) => (int)(((bucket % buckets) + buckets) % buckets);
}
