using TeraIO.Core.Storage;

namespace TeraIO.Core.Transfers;

/// <summary>
/// <see cref="StorageBackend.Device"/>: cuFile where a file's bytes are expected to go directly, else the pinned ring. cuFile's compatibility mode goes through the host's memory as well, without the overlap of disk and
/// copies. Which one it is shows when the file is created, and <see cref="TransferFile.Route"/> says why.
/// </summary>
/// <param name="create">Makes a backend of this kind; the text is the reason for it, to be shown as the route of its files.</param>
internal sealed class DeviceBackend(Func<StorageBackend, string?, ITransferBackend> create) : ITransferBackend
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
        if (TryDirect(path, out string reason) is { } direct)
            return direct;
        _chosen = create(StorageBackend.Staged, $"through pinned memory: {reason}");
        return _chosen.CreateFile(path);
    }

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => Chosen.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request) => Chosen.Submit(request);

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count) => Chosen.Wait(completions, out count);

    public void Wake() => _chosen?.Wake();

    public void Cancel(ulong token) => Chosen.Cancel(token);

    public void Dispose() => _chosen?.Dispose();

    private TransferFile? TryDirect(string path, out string reason)
    {
        ITransferBackend? backend = null;
        TransferFile? file = null;
        try
        {
            backend = create(StorageBackend.CuFile, null);
            file = backend.CreateFile(path);
            if (!file.GoesThroughHostMemory)
            {
                reason = "";
                _chosen = backend;
                return file;
            }
            reason = $"cuFile would not go directly either ({file.Route})";
        }
        catch (ConfigurationException e)
        {
            reason = e.Message;
        }
        file?.Dispose();
        backend?.Dispose();
        File.Delete(path);
        return null;
    }
}
