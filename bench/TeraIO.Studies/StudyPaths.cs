namespace TeraIO.Studies;

/// <summary>Two directories for a study, removed at its end.</summary>
internal sealed class StudyPaths : IDisposable
{
    private static readonly string[] _names = ["teraio-study-a", "teraio-study-b"];

    public StudyPaths(string directory)
    {
        Paths = In(directory);
        foreach (string path in Paths) Directory.CreateDirectory(path);
    }

    public IReadOnlyList<string> Paths { get; }

    /// <summary>Where they are, for another process of the study.</summary>
    public static IReadOnlyList<string> In(string directory) => [.. _names.Select(name => Path.GetFullPath(Path.Combine(directory, name)))];

    public void Dispose()
    {
        foreach (string path in Paths) Directory.Delete(path, recursive: true);
    }
}
