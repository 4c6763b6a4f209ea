using TeraIO.Core.Storage;

namespace TeraIO.Core.Transfers;

/// <summary>
/// <see cref="StorageBackend.Device"/>: what was measured to be the faster of cuFile and the pinned ring. Where that is not known, or the faster one does not work here, cuFile where a file's bytes are expected to go directly,
/// else the pinned ring: cuFile's compatibility mode goes through the host's memory as well, without the overlap of disk and copies. Which one it is shows when the file is created, and <see cref="TransferFile.Route"/>
/// says why.
/// </summary>
/// <param name="create">Makes a backend of this kind; the text is the reason for it, to be shown with the route of its files.</param>
/// <param name="measured">What a profile says; null without one.</param>
internal sealed class DeviceBackend(Func<StorageBackend, string?, ITransferBackend> create, MeasuredBackend? measured = null) : ITransferBackend
{
    private ITransferBackend? _chosen;

    public string Name => _chosen?.Name ?? "device";

    private ITransferBackend Chosen => _chosen ?? throw new InvalidOperationException("No file is created yet.");

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A file was created before: the choice is one file's.</exception>
    public TransferFile CreateFile(string path)
    {
        if (_chosen is not null)
            throw new InvalidOperationException("The backend was chosen for another file.");
        string? why = measured?.Reason;
        if (measured is { Faster: { } faster } && Try(faster, why, static _ => null, path, out why) is { } measuredFile)
            return measuredFile;
        if (measured?.Faster != StorageBackend.CuFile && Try(StorageBackend.CuFile, why, WhyNotDirect, path, out why) is { } direct)
            return direct;
        _chosen = create(StorageBackend.Staged, Told(StorageBackend.Staged, why));
        return _chosen.CreateFile(path);
    }

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => Chosen.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request) => Chosen.Submit(request);

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count) => Chosen.Wait(completions, out count);

    public void Wake() => _chosen?.Wake();

    public void Cancel(ulong token) => Chosen.Cancel(token);

    public void Dispose() => _chosen?.Dispose();

    private static string? WhyNotDirect(TransferFile file) => file.GoesThroughHostMemory ? $"cuFile would not go directly either ({file.Route})" : null;

    // cuFile tells the way of its bytes itself.
    private static string? Told(StorageBackend backend, string? why) => backend == StorageBackend.Staged ? $"through pinned memory: {why}" : why;

    /// <summary>The file with this backend, which is then the chosen one; null, with why there is another choice to make and nothing left of the attempt, where it does not work or there is something against it.</summary>
    private TransferFile? Try(StorageBackend kind, string? reason, Func<TransferFile, string?> against, string path, out string? why)
    {
        ITransferBackend? backend = null;
        TransferFile? file = null;
        try
        {
            backend = create(kind, Told(kind, reason));
            file = backend.CreateFile(path);
            why = against(file);
            if (why is null)
            {
                _chosen = backend;
                return file;
            }
        }
        catch (ConfigurationException e)
        {
            why = reason is null ? e.Message : $"{e.Message}; {reason}";
        }
        file?.Dispose();
        backend?.Dispose();
        File.Delete(path);
        return null;
    }
}
