namespace TeraIO.Core.Storage;

/// <summary>
/// What the storage paths of a machine can do, as <c>teraio bench</c> measured it. Immutable. A store puts each tensor's stripes evenly on its
/// paths, so that the slowest of them sets the pace of all.
/// </summary>
/// <param name="Machine">What was measured, for people: kernel, processor, memory.</param>
/// <param name="MeasuredAt">When.</param>
/// <param name="Paths">At least one.</param>
public sealed record BandwidthProfile(string Machine, DateTimeOffset MeasuredAt, IReadOnlyList<PathBandwidth> Paths)
{
    /// <summary>Bytes per second from all paths together.</summary>
    public double ReadBandwidth => Paths.Count * Paths.Min(static p => p.ReadBandwidth);

    /// <summary>Bytes per second to all paths together.</summary>
    public double WriteBandwidth => Paths.Count * Paths.Min(static p => p.WriteBandwidth);

    /// <summary>Of the worst path; 0 to 1.</summary>
    public double Interference => Paths.Max(static p => p.Interference);

    /// <summary>Seconds to the end of a short request, of the slowest path.</summary>
    public double LatencySeconds => Paths.Max(static p => p.LatencySeconds);

    /// <summary>Processor seconds for each byte moved, on average.</summary>
    public double CpuSecondsPerByte => Paths.Average(static p => p.CpuSecondsPerByte);

    /// <summary>What a session's planner needs, of the given directories only.</summary>
    /// <exception cref="ConfigurationException">A directory is not in the profile.</exception>
    public StoreBandwidth For(IReadOnlyList<string> directories)
    {
        ArgumentNullException.ThrowIfNull(directories);
        BandwidthProfile part = this with { Paths = [.. directories.Select(Of)] };
        return new StoreBandwidth(part.ReadBandwidth, part.WriteBandwidth, part.Interference, part.CpuSecondsPerByte);
    }

    private PathBandwidth Of(string directory)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        return Paths.FirstOrDefault(p => Path.TrimEndingDirectorySeparator(Path.GetFullPath(p.Path)) == full)
            ?? throw new ConfigurationException($"The bandwidth profile has no path {full}; it has {string.Join(", ", Paths.Select(static p => p.Path))}. Measure it with 'teraio bench --path {full}'.") { Path = full };
    }
}
