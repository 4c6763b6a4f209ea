using System.Globalization;

namespace TeraIO.Core.Storage;

/// <summary>What a bandwidth profile says of the two ways that the bytes of a path can take from and to a GPU's memory.</summary>
/// <param name="Faster"><see cref="StorageBackend.CuFile"/> or <see cref="StorageBackend.Staged"/>; <see langword="null"/> where the profile cannot tell.</param>
/// <param name="Reason">The figures, or what the profile lacks.</param>
internal sealed record MeasuredBackend(StorageBackend? Faster, string Reason)
{
    /// <summary>
    /// The faster one is that which takes less time for one byte read and one byte written (1/read + 1/write): what is written once is read once. Compared is the setting nearest to the store's that both were measured with:
    /// the one fewest doublings of size and depth away, and of equally near ones the larger. Of two equally fast ones neither is the faster.
    /// </summary>
    /// <param name="profile">Of whichever machine.</param>
    /// <param name="directory">The storage path.</param>
    /// <param name="gpu">As <see cref="Transfers.DeviceIdentity"/> names it.</param>
    /// <param name="requestBytes">Of the store's transfers.</param>
    /// <param name="queueDepth">How many of them are in flight.</param>
    public static MeasuredBackend Of(BandwidthProfile profile, string directory, string gpu, long requestBytes, int queueDepth)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"the bandwidth profile of {profile.MeasuredAt:yyyy-MM-dd}");
        if (profile.Gpu is not { } measured)
            return new(null, $"{name} has no figures of a GPU's memory");
        if (measured != gpu)
            return new(null, $"{name} is of another GPU, {measured}, and this is {gpu}");
        PathBandwidth[] rows = [.. profile.Measured.Where(row => BandwidthProfile.IsSame(row.Path, directory))];
        if (rows.Length == 0)
            return new(null, $"{name} has no figures of {directory}");
        var both = rows.Where(static row => row.Backend == BackendNames.Of(StorageBackend.CuFile))
            .Join(rows.Where(static row => row.Backend == BackendNames.Of(StorageBackend.Staged)), Setting, Setting, static (cuFile, staged) => (CuFile: cuFile, Staged: staged))
            .OrderBy(pair => Doublings(pair.CuFile.RequestBytes, requestBytes) + Doublings(pair.CuFile.QueueDepth, queueDepth))
            .ThenByDescending(static pair => pair.CuFile.RequestBytes).ThenByDescending(static pair => pair.CuFile.QueueDepth)
            .FirstOrDefault();
        return both.CuFile is null
            ? new(null, $"{name} has cufile and staged in {directory} at no common size and depth")
            : Compare(both.CuFile, both.Staged, name);
    }

    private static MeasuredBackend Compare(PathBandwidth cuFile, PathBandwidth staged, string name)
    {
        double ratio = SecondsPerByteEachWay(cuFile) / SecondsPerByteEachWay(staged);
        StorageBackend? faster = ratio < 1 ? StorageBackend.CuFile : ratio > 1 ? StorageBackend.Staged : null;
        (PathBandwidth first, PathBandwidth second) = ratio < 1 ? (cuFile, staged) : (staged, cuFile);
        string verdict = faster is null ? "neither faster" : string.Create(CultureInfo.InvariantCulture, $"{first.Backend} {Math.Max(ratio, 1 / ratio):0.00} times as fast");
        return new(faster, $"{name} has {verdict}: {new ByteSize(first.RequestBytes)} with {first.QueueDepth} in flight, {Rates(first)}, {Rates(second)}");
    }

    private static (long RequestBytes, int QueueDepth) Setting(PathBandwidth row) => (row.RequestBytes, row.QueueDepth);

    private static double SecondsPerByteEachWay(PathBandwidth row) => (1 / row.ReadBandwidth) + (1 / row.WriteBandwidth);

    private static double Doublings(double from, double to) => Math.Abs(Math.Log2(to / from));

    private static string Rates(PathBandwidth row) => $"{row.Backend} reads {new ByteSize((long)row.ReadBandwidth)}/s and writes {new ByteSize((long)row.WriteBandwidth)}/s";
}
