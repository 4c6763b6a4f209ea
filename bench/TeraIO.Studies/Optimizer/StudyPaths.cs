namespace TeraIO.Studies.Optimizer;

/// <summary>Two directories for a study, removed at its end.</summary>
internal sealed class StudyPaths : IDisposable
{
    public StudyPaths(string directory) =>
        Paths = [.. ((string[])["teraio-optimizer-a", "teraio-optimizer-b"]).Select(name => Directory.CreateDirectory(Path.Combine(directory, name)).FullName)];

    public IReadOnlyList<string> Paths { get; }

    public void Dispose()
    {
        foreach (string path in Paths) Directory.Delete(path, recursive: true);
    }
}
