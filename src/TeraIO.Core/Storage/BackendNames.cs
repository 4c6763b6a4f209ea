namespace TeraIO.Core.Storage;

/// <summary>Backends as users write them, and as bandwidth profiles have them.</summary>
internal static class BackendNames
{
    /// <summary>The name of one that moves bytes itself.</summary>
    public static string Of(StorageBackend backend) => backend switch
    {
        StorageBackend.IoUring => "io_uring",
        StorageBackend.Threads => "threads",
        StorageBackend.CuFile => "cufile",
        StorageBackend.Staged => "staged",
        _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "It stands for one of several backends."),
    };
}
