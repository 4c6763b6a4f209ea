using TeraIO.Core.Leases;

namespace TeraIO.Core.Tests.Leases;

/// <summary>A directory for lock files that no other test sees.</summary>
internal sealed class LeaseDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("teraio-lease-tests-").FullName;

    public string File => System.IO.Path.Combine(Path, "device");

    public string[] Entries => Directory.GetFileSystemEntries(Path);

    public LeaseFile Join(int slots = 1) => LeaseFile.Join(File, slots);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
