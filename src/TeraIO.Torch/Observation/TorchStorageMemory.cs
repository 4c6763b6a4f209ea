using TeraIO.Core;
using TeraIO.Core.Runtime;
using TeraIO.Torch.Interop;

namespace TeraIO.Torch.Observation;

/// <summary>Releases and restores libtorch storages through the observer.</summary>
internal sealed unsafe class TorchStorageMemory : IStorageMemory
{
    /// <inheritdoc/>
    public long LiveBytes => (long)ObserverNative.LiveBytes();

    /// <inheritdoc/>
    public nint AddressOf(nint storage) => ObserverNative.Data(storage);

    /// <inheritdoc/>
    public nint Release(nint storage)
    {
        nint tombstone;
        Check(ObserverNative.Release(storage, &tombstone), "release a tensor's memory");
        return tombstone;
    }

    /// <inheritdoc/>
    public bool TryRestore(nint storage, out nint address)
    {
        nint data;
        int status = ObserverNative.Restore(storage, &data);
        address = status == ObserverStatus.Ok ? data : 0;
        if (status == ObserverStatus.Limit) return false;
        Check(status, "give a tensor its memory back");
        return true;
    }

    /// <inheritdoc/>
    public void Open(nint storage) => Check(ObserverNative.Open(storage), "open a tensor's memory");

    /// <inheritdoc/>
    public void Close(nint storage) => Check(ObserverNative.Close(storage), "close a tensor's memory");

    /// <inheritdoc/>
    public void FreeKept(nint address) => ObserverNative.FreeKept(address);

    private static void Check(int status, string what)
    {
        if (status != ObserverStatus.Ok) throw new TeraIOException($"libtorch could not {what}: {ObserverNative.LastError()}");
    }
}
