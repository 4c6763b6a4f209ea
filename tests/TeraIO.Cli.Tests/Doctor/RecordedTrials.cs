using TeraIO.Cli.Doctor;

namespace TeraIO.Cli.Tests.Doctor;

/// <summary>Trials with set results; a test double.</summary>
internal sealed class RecordedTrials : IMachineTrials
{
    public Dictionary<uint, string> RefusedBackends { get; } = new()
    {
        [BackendTrial.CuFile] = "this build has no GPU backend",
        [BackendTrial.Staged] = "this build has no GPU backend",
    };

    public Dictionary<string, string> Libraries { get; } = new(StringComparer.Ordinal);

    public DirectIoTrial Direct { get; set; } = new(true, true, "", 512, 4096, 500L << 30);

    /// <summary>Why the GPU has no checksums; empty: it has.</summary>
    public string ChecksumsMissing { get; set; } = "";

    public List<string> Tried { get; } = [];

    public string WhyNoDeviceChecksums() => ChecksumsMissing;

    public IReadOnlyList<BackendTrial> Backends() =>
        [.. BackendTrial.All.Select(b => RefusedBackends.TryGetValue(b.Backend, out string? reason) ? new BackendTrial(b.Backend, b.Name, false, reason) : new BackendTrial(b.Backend, b.Name, true, ""))];

    public DirectIoTrial DirectIo(string directory)
    {
        Tried.Add(directory);
        return Direct;
    }

    public LibraryTrial Load(string library) => Libraries.TryGetValue(library, out string? path) ? new LibraryTrial(path) : new LibraryTrial(null, $"{library}: cannot open shared object file");
}
