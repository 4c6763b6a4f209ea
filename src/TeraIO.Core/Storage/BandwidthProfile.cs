using TeraIO.Core.Tiers;

namespace TeraIO.Core.Storage;

/// <summary>What the storage paths of a machine can do, as <c>teraio bench</c> measured it. Immutable.</summary>
/// <param name="Machine">What was measured, for people: kernel, processor, memory.</param>
/// <param name="MeasuredAt">When.</param>
/// <param name="Paths">At least one.</param>
public sealed record BandwidthProfile(string Machine, DateTimeOffset MeasuredAt, IReadOnlyList<PathBandwidth> Paths)
{
    /// <summary>The GPU whose memory was moved, with its place, such as <c>NVIDIA H100 80GB HBM3 at 0000:3b:00.0</c>. Default <see langword="null"/>: it was host memory.</summary>
    public string? Gpu { get; init; }

    /// <summary>
    /// Each setting of each backend on each path, of which <see cref="Paths"/> has the best ones: <see cref="StorageBackend.Device"/> chooses a backend by them. Default: empty.
    /// </summary>
    public IReadOnlyList<PathBandwidth> Measured { get; init; } = [];

    /// <summary>
    /// All paths as the one tier that a store makes of them. It divides bytes by what each path is worth (docs/tiers.md), and what was written to a path is read from it: a direction is as fast as the path
    /// that takes longest for its share. That is the sum of the paths' rates where all have the same ratio of reads to writes, and less where one is the faster reader and another the faster writer. Paths
    /// without a share do not count.
    /// </summary>
    /// <param name="fixedShares"><see cref="StoreOptions.FixedShares"/>, or null: bytes are divided as measured.</param>
    /// <returns>Bandwidths of all paths together, the worst interference, and the processor seconds of an average byte.</returns>
    /// <exception cref="ConfigurationException">There is not one weight of 0 or more for each path, one of them above 0.</exception>
    public StoreBandwidth Together(IReadOnlyList<double>? fixedShares = null)
    {
        double[] shares = SharesOf(fixedShares);
        double read = double.PositiveInfinity;
        double write = double.PositiveInfinity;
        double interference = 0;
        double cpuSecondsPerByte = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            if (shares[i] == 0)
                continue;
            read = Math.Min(read, Paths[i].ReadBandwidth / shares[i]);
            write = Math.Min(write, Paths[i].WriteBandwidth / shares[i]);
            interference = Math.Max(interference, Paths[i].Interference);
            cpuSecondsPerByte += shares[i] * Paths[i].CpuSecondsPerByte;
        }
        return new StoreBandwidth(read, write, interference, cpuSecondsPerByte);
    }

    /// <summary>Seconds to the end of a short request, of the slowest path that gets bytes.</summary>
    public double LatencySeconds
    {
        get
        {
            double[] shares = SharesOf(fixedShares: null);
            return Paths.Where((_, i) => shares[i] > 0).Max(static p => p.LatencySeconds);
        }
    }

    /// <summary>What a session's planner needs, of the given directories only.</summary>
    /// <param name="directories">In the order of <see cref="StoreOptions.Paths"/>.</param>
    /// <param name="fixedShares"><see cref="StoreOptions.FixedShares"/>.</param>
    /// <param name="backends">
    /// What moves the bytes of each directory: the best figures of that backend count, where it was measured. Default <see langword="null"/>, and where it was not: those of <see cref="Paths"/>.
    /// </param>
    /// <exception cref="ConfigurationException">A directory is not in the profile, or the shares do not fit the directories.</exception>
    /// <exception cref="ArgumentException">There is not one backend for each directory.</exception>
    public StoreBandwidth For(IReadOnlyList<string> directories, IReadOnlyList<double>? fixedShares = null, IReadOnlyList<StorageBackend>? backends = null)
    {
        ArgumentNullException.ThrowIfNull(directories);
        if (backends is not null && backends.Count != directories.Count)
            throw new ArgumentException($"There are {backends.Count} backends for {directories.Count} directories.", nameof(backends));
        BandwidthProfile part = this with { Paths = [.. directories.Select((directory, i) => Of(directory, backends?[i] ?? StorageBackend.Auto))] };
        return part.Together(fixedShares);
    }

    /// <summary>Whether two names are one directory's.</summary>
    internal static bool IsSame(string one, string other) => Full(one) == Full(other);

    private double[] SharesOf(IReadOnlyList<double>? fixedShares)
    {
        StoreOptions.ValidateShares(fixedShares, Paths.Count);
        double[] weights = [.. fixedShares ?? Paths.Select(static p => PathWeights.Worth(p.ReadBandwidth, p.WriteBandwidth, writeShare: 0.5))];
        double least = fixedShares is null ? PathWeights.TooSmallAShare * weights.Sum() : 0;
        double kept = weights.Where(weight => weight >= least).Sum();
        return [.. weights.Select(weight => weight < least ? 0 : weight / kept)];
    }

    private PathBandwidth Of(string directory, StorageBackend backend)
    {
        PathBandwidth best = Paths.FirstOrDefault(p => IsSame(p.Path, directory))
            ?? throw new ConfigurationException($"The bandwidth profile has no path {Full(directory)}; it has {string.Join(", ", Paths.Select(static p => p.Path))}. Measure it with 'teraio bench --path {Full(directory)}'.") { Path = Full(directory) };
        if (backend is StorageBackend.Auto or StorageBackend.Device || best.Backend == BackendNames.Of(backend))
            return best;
        string name = BackendNames.Of(backend);
        return Measured.Where(p => p.Backend == name && IsSame(p.Path, directory)).MaxBy(static p => p.ReadBandwidth + p.WriteBandwidth) ?? best;
    }

    private static string Full(string directory) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
}
