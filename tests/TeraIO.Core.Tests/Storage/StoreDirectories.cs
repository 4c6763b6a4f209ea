namespace TeraIO.Core.Tests.Storage;

/// <summary>Temporary directories that stand for the paths of a store.</summary>
internal sealed class StoreDirectories : IDisposable
{
    public StoreDirectories(int count) =>
        Paths = [.. Enumerable.Range(0, count).Select(static _ => Directory.CreateTempSubdirectory("teraio-store-tests-").FullName)];

    public string[] Paths { get; }

    public string this[int index] => Paths[index];

    /// <summary>What a store left or keeps in a path.</summary>
    public string[] Entries(int index = 0) => Directory.GetFileSystemEntries(Paths[index]);

    /// <summary>The file of the only store in a path.</summary>
    public string StoreFile(int index = 0) => Path.Combine(Entries(index).Single(), "store.bin");

    public void Dispose()
    {
        foreach (var path in Paths)
            Directory.Delete(path, recursive: true);
    }
}
