using System.Globalization;
using System.Text.Json;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Storage;

/// <summary>
/// Bandwidth profiles as files: versioned JSON, described in docs/formats/profile.md and by docs/formats/profile.schema.json. Thread-safe as long
/// as two do not write the same path.
/// </summary>
public static class BandwidthProfileFile
{
    /// <summary>Value of the member <c>format</c>.</summary>
    public const string Format = "teraio-bandwidth-profile";

    /// <summary>The version that is written, and the only one that is read.</summary>
    public const int Version = 1;

    private const int MostPaths = 1024;
    private const int MostMeasured = 16384;
    private static readonly FormatLimits _limits = new() { Bytes = 8 << 20 };

    /// <summary>Reads and checks a profile.</summary>
    /// <exception cref="TraceFormatException">It is not a profile of this version, or a figure makes no sense.</exception>
    /// <exception cref="ConfigurationException">The file cannot be opened or read.</exception>
    public static BandwidthProfile Read(string path) => FormatFile.Read(path, _limits, stream => Read(stream, path));

    /// <summary>Reads a profile from a stream, which stays open.</summary>
    /// <param name="stream">JSON.</param>
    /// <param name="source">What messages call it.</param>
    /// <exception cref="TraceFormatException">It is not a profile of this version, or a figure makes no sense.</exception>
    public static BandwidthProfile Read(Stream stream, string source = "profile")
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Read(new JsonTokens(stream, source, _limits));
    }

    /// <summary>Writes a profile; it appears under its name when it is complete.</summary>
    /// <exception cref="ConfigurationException">The file cannot be written.</exception>
    public static void Write(BandwidthProfile profile, string path)
    {
        ArgumentNullException.ThrowIfNull(profile);
        FormatFile.Write(path, stream => Write(profile, stream));
    }

    /// <summary>Writes a profile to a stream, which stays open.</summary>
    public static void Write(BandwidthProfile profile, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(stream);
        using var lines = new JsonLines(stream);
        lines.Member("format", Format);
        lines.Member("version", Version);
        lines.Member("machine", profile.Machine);
        lines.Member("measuredAt", profile.MeasuredAt.ToString("O", CultureInfo.InvariantCulture));
        if (profile.Gpu is { } gpu) lines.Member("gpu", gpu);
        WritePaths(lines, "paths", profile.Paths);
        if (profile.Measured.Count > 0) WritePaths(lines, "measured", profile.Measured);
        lines.End();
    }

    private static void WritePaths(JsonLines lines, string name, IReadOnlyList<PathBandwidth> paths)
    {
        lines.BeginArray(name);
        foreach (PathBandwidth path in paths)
        {
            Utf8JsonWriter json = lines.BeginElement();
            json.WriteString("path", path.Path);
            json.WriteString("backend", path.Backend);
            json.WriteNumber("requestBytes", path.RequestBytes);
            json.WriteNumber("queueDepth", path.QueueDepth);
            json.WriteNumber("readBandwidth", path.ReadBandwidth);
            json.WriteNumber("writeBandwidth", path.WriteBandwidth);
            json.WriteNumber("interference", path.Interference);
            json.WriteNumber("latencySeconds", path.LatencySeconds);
            json.WriteNumber("cpuSecondsPerByte", path.CpuSecondsPerByte);
            lines.EndElement();
        }

        lines.EndArray();
    }

    private static BandwidthProfile Read(JsonTokens tokens)
    {
        if (!tokens.Read()) throw tokens.Fault("the file is empty.");
        tokens.ExpectObject("a bandwidth profile");
        var members = new MemberSet(tokens, "the profile");
        var names = new NameTable(_limits);
        string machine = "";
        DateTimeOffset measuredAt = default;
        string? gpu = null;
        var paths = new List<PathBandwidth>();
        var measured = new List<PathBandwidth>();
        while (tokens.NextMember())
        {
            if (members.Is("format"u8, 0)) FormatHeader.CheckFormat(tokens, Format);
            else if (members.Is("version"u8, 1)) FormatHeader.CheckVersion(tokens, Version);
            else if (members.Is("machine"u8, 2)) machine = names.Get(tokens, "machine");
            else if (members.Is("measuredAt"u8, 3)) measuredAt = Time(tokens, names);
            else if (members.Is("paths"u8, 4)) ReadPaths(tokens, names, "paths", MostPaths, paths);
            else if (members.Is("gpu"u8, 5)) gpu = names.Get(tokens, "gpu");
            else if (members.Is("measured"u8, 6)) ReadPaths(tokens, names, "measured", MostMeasured, measured);
            else throw members.Unknown("format, version, machine, measuredAt, gpu, paths, measured");
        }

        foreach ((int number, string name) in (ReadOnlySpan<(int, string)>)[(0, "format"), (1, "version"), (2, "machine"), (3, "measuredAt"), (4, "paths")]) members.Require(number, name);
        if (paths.Count == 0) throw tokens.Fault("paths is empty; a profile has at least one.");
        tokens.ExpectEnd();
        return new BandwidthProfile(machine, measuredAt, paths) { Gpu = gpu, Measured = measured };
    }

    private static void ReadPaths(JsonTokens tokens, NameTable names, string member, int most, List<PathBandwidth> paths)
    {
        tokens.ExpectArray(member);
        while (tokens.NextElement())
        {
            if (paths.Count == most) throw tokens.Fault($"there are more than {most} {member}, which is the limit.");
            paths.Add(ReadPath(tokens, names));
        }
    }

    private static PathBandwidth ReadPath(JsonTokens tokens, NameTable names)
    {
        tokens.ExpectObject("a path");
        var members = new MemberSet(tokens, "the path");
        string path = "";
        string backend = "";
        long requestBytes = 0;
        int queueDepth = 0;
        Span<double> figures = stackalloc double[5];
        while (tokens.NextMember())
        {
            if (members.Is("path"u8, 0)) path = names.Get(tokens, "path");
            else if (members.Is("backend"u8, 1)) backend = names.Get(tokens, "backend");
            else if (members.Is("requestBytes"u8, 2)) requestBytes = tokens.Integer("requestBytes");
            else if (members.Is("queueDepth"u8, 3)) queueDepth = tokens.Index("queueDepth");
            else if (members.Is("readBandwidth"u8, 4)) figures[0] = Within(tokens, "readBandwidth", 1, 1e15);
            else if (members.Is("writeBandwidth"u8, 5)) figures[1] = Within(tokens, "writeBandwidth", 1, 1e15);
            else if (members.Is("interference"u8, 6)) figures[2] = Within(tokens, "interference", 0, 1);
            else if (members.Is("latencySeconds"u8, 7)) figures[3] = Within(tokens, "latencySeconds", 0, 60);
            else if (members.Is("cpuSecondsPerByte"u8, 8)) figures[4] = Within(tokens, "cpuSecondsPerByte", 0, 1);
            else throw members.Unknown("path, backend, requestBytes, queueDepth, readBandwidth, writeBandwidth, interference, latencySeconds, cpuSecondsPerByte");
        }

        foreach ((int number, string name) in (ReadOnlySpan<(int, string)>)
            [(0, "path"), (1, "backend"), (2, "requestBytes"), (3, "queueDepth"), (4, "readBandwidth"), (5, "writeBandwidth"), (6, "interference"), (7, "latencySeconds"), (8, "cpuSecondsPerByte")])
            members.Require(number, name);
        if (path.Length == 0) throw tokens.Fault("path is empty.");
        if (requestBytes <= 0 || queueDepth <= 0) throw tokens.Fault($"requestBytes is {requestBytes} and queueDepth {queueDepth}; both are more than 0.");
        return new PathBandwidth(path, backend, requestBytes, queueDepth, figures[0], figures[1], figures[2], figures[3], figures[4]);
    }

    private static double Within(JsonTokens tokens, string name, double least, double most)
    {
        double value = tokens.Real(name);
        return value >= least && value <= most ? value : throw tokens.Fault(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be from {least} to {most}."));
    }

    private static DateTimeOffset Time(JsonTokens tokens, NameTable names)
    {
        string text = names.Get(tokens, "measuredAt");
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : throw tokens.Fault($"measuredAt is {tokens.Shown()}; a time such as 2026-11-25T12:00:00Z is expected here.");
    }
}
