using TeraIO.Core.Storage;

namespace TeraIO.Cli.Bench;

/// <summary>Which measurements become the profile.</summary>
internal static class ProfileChoice
{
    /// <summary>A setting this close to the best one wins when it needs fewer requests in flight.</summary>
    private const double AsGoodAs = 0.95;

    /// <summary>
    /// For each path, with the backend that a store takes by itself (io_uring where it is permitted; for device memory the faster one, or cuFile where it goes directly, else staged), the size and queue depth with the highest sum of read and write bandwidth; of those within 5 % of it the smallest
    /// depth, then the smallest size. Beside them all settings of all backends. Null when no path has both directions measured.
    /// </summary>
    public static BandwidthProfile? Of(BenchResult result, string machine, DateTimeOffset now, string? gpu = null)
    {
        PathBandwidth[] measured = [.. result.Cells.Where(static c => BenchNames.IsBackend(c.Backend)).GroupBy(static c => (c.Path, c.Backend)).SelectMany(static g => Settings([.. g]))];
        if (measured.Length == 0) return null;
        var all = new BandwidthProfile(machine, now, []) { Gpu = gpu, Measured = measured };
        return all with { Paths = [.. measured.GroupBy(static m => m.Path).Select(g => Best(OfStore([.. g], all, result.Routes)))] };
    }

    private static PathBandwidth[] OfStore(PathBandwidth[] rows, BandwidthProfile all, IReadOnlyList<BenchRoute> routes)
    {
        string path = rows[0].Path;
        var expected = routes.Any(r => r.Path == path && r.IsDirect) ? StorageBackend.CuFile : StorageBackend.Staged;
        StorageBackend device = SessionChoice(all, path)?.Faster ?? expected;
        foreach (string preferred in (string[])[BackendNames.Of(StorageBackend.IoUring), BackendNames.Of(device)])
        {
            PathBandwidth[] chosen = [.. rows.Where(c => c.Backend == preferred)];
            if (chosen.Length > 0) return chosen;
        }

        return rows;
    }

    /// <summary>What a session with the store's defaults makes of the profile on the GPU that it is of; null for host memory.</summary>
    public static MeasuredBackend? SessionChoice(BandwidthProfile profile, string path)
    {
        if (profile.Gpu is not { } gpu) return null;
        var defaults = new StoreOptions { Paths = [path] };
        return MeasuredBackend.Of(profile, path, gpu, defaults.StripeSize.Bytes, defaults.QueueDepth);
    }

    private static PathBandwidth Best(PathBandwidth[] rows)
    {
        double most = rows.Max(static r => r.ReadBandwidth + r.WriteBandwidth);
        return rows.Where(r => r.ReadBandwidth + r.WriteBandwidth >= AsGoodAs * most).OrderBy(static r => r.QueueDepth).ThenBy(static r => r.RequestBytes).First();
    }

    /// <summary>Those with both directions, of one backend on one path.</summary>
    private static IEnumerable<PathBandwidth> Settings(BenchCell[] cells)
    {
        double? latency = cells.Where(static c => c.Direction == BenchDirection.Read).OrderBy(static c => c.QueueDepth).ThenBy(static c => c.RequestBytes).FirstOrDefault()?.MedianSeconds;
        foreach (var setting in cells.GroupBy(static c => (c.RequestBytes, c.QueueDepth)))
        {
            if (Of(setting, BenchDirection.Read) is not { ReadBandwidth: > 0 } read || Of(setting, BenchDirection.Write) is not { WriteBandwidth: > 0 } write) continue;
            double interference = Of(setting, BenchDirection.Mixed) is { } mixed ? StoreBandwidth.InterferenceOf(mixed.ReadBandwidth / read.ReadBandwidth, mixed.WriteBandwidth / write.WriteBandwidth) : 0;
            yield return new PathBandwidth(
                cells[0].Path, cells[0].Backend, setting.Key.RequestBytes, setting.Key.QueueDepth, read.ReadBandwidth, write.WriteBandwidth, interference, latency!.Value, (read.CpuSecondsPerByte + write.CpuSecondsPerByte) / 2);
        }
    }

    private static BenchCell? Of(IEnumerable<BenchCell> cells, BenchDirection direction) => cells.FirstOrDefault(c => c.Direction == direction);
}
