using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tiers;

/// <summary>The memory of a host tier: one page-aligned allocation for its lifetime, pinned where there is a CUDA driver, so that a GPU's copy engine reaches it.</summary>
internal sealed unsafe class HostMemoryRegion : IDisposable
{
    private void* _memory;
    private nint _pin;

    /// <exception cref="ConfigurationException">There is not so much memory.</exception>
    public HostMemoryRegion(long bytes, ILogger logger)
    {
        Bytes = bytes;
        try
        {
            _memory = NativeMemory.AlignedAlloc((nuint)bytes, StoreOptions.BlockBytes);
        }
        catch (OutOfMemoryException e)
        {
            throw new ConfigurationException($"The host tier cannot have {new ByteSize(bytes)} of memory: lower HostMemoryOptions.Budget.", e);
        }

        TryPin(logger);
    }

    /// <summary>Of the first byte.</summary>
    public nint Address => (nint)_memory;

    public long Bytes { get; }

    public bool IsPinned => _pin != 0;

    /// <summary>Nothing may be in flight on it.</summary>
    public void Dispose()
    {
        if (_memory == null) return;
        if (IsPinned) _ = NativeMethods.Gds.HostUnpin(_pin);
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    private void TryPin(ILogger logger)
    {
        try
        {
            NativeMethods.Gds.EnsureLoaded();
        }
        catch (ConfigurationException)
        {
            return; // without the native library there are no transfers to a device either
        }

        TransferStatus status = NativeMethods.Gds.HostPin(_memory, (nuint)Bytes, out _pin);
        // Unsupported: there is no GPU to pin it for.
        if (status is not (TransferStatus.Ok or TransferStatus.Unsupported))
            logger.LogWarning("The host tier's {Bytes} are not pinned, so that copies to a GPU are slower: {Reason}", new ByteSize(Bytes), NativeMethods.Gds.LastError());
    }
}
