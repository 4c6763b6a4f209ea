using TeraIO.Core.Storage;

namespace TeraIO.Cli.Doctor;

/// <summary>Whether a backend of the storage library works here.</summary>
/// <param name="Backend">Its number, <c>TIO_BACKEND_*</c>.</param>
/// <param name="Name">As users know it.</param>
/// <param name="Works">A queue could be made.</param>
/// <param name="Reason">Why not; empty when it works.</param>
internal sealed record BackendTrial(uint Backend, string Name, bool Works, string Reason)
{
    public const uint Uring = (uint)StorageBackend.IoUring;
    public const uint Threads = (uint)StorageBackend.Threads;
    public const uint CuFile = (uint)StorageBackend.CuFile;
    public const uint Staged = (uint)StorageBackend.Staged;

    /// <summary>As users know it.</summary>
    public static string NameOf(StorageBackend backend) => BackendNames.Of(backend);

    /// <summary>All that there are, in the order in which they are shown.</summary>
    public static IReadOnlyList<(uint Backend, string Name)> All { get; } =
        [.. ((StorageBackend[])[StorageBackend.IoUring, StorageBackend.Threads, StorageBackend.CuFile, StorageBackend.Staged]).Select(static b => ((uint)b, BackendNames.Of(b)))];
}
