using TeraIO.Core.Tiers;

namespace TeraIO.Core.Storage;

/// <summary>What the storage paths of a machine can do, as <c>teraio bench</c> measured it. Immutable.</summary>
/// <param name="Machine">What was measured, for people: kernel, processor, memory.</param>
/// <param name="MeasuredAt">When.</param>
/// <param name="Paths">At least one.</param>
public sealed record BandwidthProfile(string Machine, DateTimeOffset MeasuredAt, IReadOnlyList<PathBandwidth> Paths)
{
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
    /// <exception cref="ConfigurationException">A directory is not in the profile, or the shares do not fit the directories.</exception>
    public StoreBandwidth For(IReadOnlyList<string> directories, IReadOnlyList<double>? fixedShares = null)
    {
        ArgumentNullException.ThrowIfNull(directories);
        BandwidthProfile part = this with { Paths = [.. directories.Select(Of)] };
        return part.Together(fixedShares);
    }

    private double[] SharesOf(IReadOnlyList<double>? fixedShares)
    {
        StoreOptions.ValidateShares(fixedShares, Paths.Count);
        double[] weights = [.. fixedShares ?? Paths.Select(static p => PathWeights.Worth(p.ReadBandwidth, p.WriteBandwidth, writeShare: 0.5))];
        double least = fixedShares is null ? PathWeights.TooSmallAShare * weights.Sum() : 0;
        double kept = weights.Where(weight => weight >= least).Sum();
        return [.. weights.Select(weight => weight < least ? 0 : weight / kept)];
    }

    private PathBandwidth Of(string directory)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        return Paths.FirstOrDefault(p => Path.TrimEndingDirectorySeparator(Path.GetFullPath(p.Path)) == full)
            ?? throw new ConfigurationException($"The bandwidth profile has no path {full}; it has {string.Join(", ", Paths.Select(static p => p.Path))}. Measure it with 'teraio bench --path {full}'.") { Path = full };
    }
}
