using TeraIO.Core.Storage;

namespace TeraIO.Cli.Bench;

/// <summary>Which measurements become the profile.</summary>
internal static class ProfileChoice
{
    /// <summary>A setting this close to the best one wins when it needs fewer requests in flight.</summary>
    private const double AsGoodAs = 0.95;

    /// <summary>
    /// For each path, with the backend that a store takes by itself (io_uring where it is permitted; for device memory cuFile where it goes directly, else staged), the size and queue depth with the highest sum of read and write bandwidth; of those within 5 % of it the smallest
    /// depth, then the smallest size. Null when no path has both directions measured.
    /// </summary>
    public static BandwidthProfile? Of(BenchResult result, string machine, DateTimeOffset now)
    {
        PathBandwidth[] paths = [.. result.Cells.Where(static c => BenchNames.IsBackend(c.Backend)).GroupBy(static c => c.Path).Select(g => Best(OfStore([.. g], result.Routes))).OfType<PathBandwidth>()];
        return paths.Length == 0 ? null : new BandwidthProfile(machine, now, paths);
    }

    private static BenchCell[] OfStore(BenchCell[] cells, IReadOnlyList<BenchRoute> routes)
    {
        bool isDirect = routes.Any(r => r.Path == cells[0].Path && r.IsDirect);
        foreach (string preferred in (string[])["io_uring", isDirect ? "cufile" : "staged"])
        {
            BenchCell[] chosen = [.. cells.Where(c => c.Backend == preferred)];
            if (chosen.Length > 0) return chosen;
        }

        return cells;
    }

    private static PathBandwidth? Best(BenchCell[] cells)
    {
        var settings = cells.GroupBy(static c => (c.Backend, c.RequestBytes, c.QueueDepth))
            .Select(static g => (g.Key, Read: Of(g, BenchDirection.Read), Write: Of(g, BenchDirection.Write), Mixed: Of(g, BenchDirection.Mixed)))
            .Where(static s => s.Read is { ReadBandwidth: > 0 } && s.Write is { WriteBandwidth: > 0 }).ToList();
        if (settings.Count == 0) return null;
        double most = settings.Max(static s => s.Read!.ReadBandwidth + s.Write!.WriteBandwidth);
        var (key, read, write, mixed) = settings.Where(s => s.Read!.ReadBandwidth + s.Write!.WriteBandwidth >= AsGoodAs * most).OrderBy(static s => s.Key.QueueDepth).ThenBy(static s => s.Key.RequestBytes).First();
        double interference = mixed is null ? 0 : StoreBandwidth.InterferenceOf(mixed.ReadBandwidth / read!.ReadBandwidth, mixed.WriteBandwidth / write!.WriteBandwidth);
        double latency = cells.Where(c => c.Direction == BenchDirection.Read && c.Backend == key.Backend).OrderBy(static c => c.QueueDepth).ThenBy(static c => c.RequestBytes).First().MedianSeconds;
        return new PathBandwidth(
            cells[0].Path, key.Backend, key.RequestBytes, key.QueueDepth, read!.ReadBandwidth, write!.WriteBandwidth, interference, latency, (read.CpuSecondsPerByte + write.CpuSecondsPerByte) / 2);
    }

    private static BenchCell? Of(IEnumerable<BenchCell> cells, BenchDirection direction) => cells.FirstOrDefault(c => c.Direction == direction);
}
