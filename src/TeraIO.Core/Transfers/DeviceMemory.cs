using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>
/// Memory of a GPU that belongs to its holder. Thread-safe but for <see cref="Dispose"/>, which waits for the device and may come only when no transfer uses the memory. Keeps its device open.
/// </summary>
internal sealed class DeviceMemory : IDisposable
{
    private readonly FenceDevice _device;
    private readonly GdsDeviceMemoryHandle _handle;

    internal DeviceMemory(FenceDevice device, GdsDeviceMemoryHandle handle, long bytes)
    {
        _device = device;
        _handle = handle;
        Length = bytes;
    }

    /// <summary>In bytes.</summary>
    public long Length { get; }

    /// <summary>What transfers of device memory take; the CPU cannot reach it. At least 256-byte aligned.</summary>
    /// <exception cref="ObjectDisposedException">The memory is freed.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.DangerousGetHandle();
        }
    }

    /// <summary>Returns when the bytes are in this memory; see <see cref="FenceDevice.CopyToDevice"/> for the order among streams.</summary>
    /// <param name="host">Any memory.</param>
    /// <param name="offset">In bytes, of their place in this memory.</param>
    /// <exception cref="ArgumentOutOfRangeException">They would go beyond the end.</exception>
    /// <exception cref="TeraIOException">The driver refused.</exception>
    public void CopyFrom(ReadOnlySpan<byte> host, long offset = 0)
    {
        _device.CopyToDevice(host, Place(offset, host.Length));
        GC.KeepAlive(_handle);
    }

    /// <summary>Returns when the bytes are in host memory.</summary>
    /// <inheritdoc cref="CopyFrom" path="/param|/exception"/>
    public void CopyTo(Span<byte> host, long offset = 0)
    {
        _device.CopyToHost(Place(offset, host.Length), host);
        GC.KeepAlive(_handle);
    }

    public void Dispose() => _handle.Dispose();

    private nint Place(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset, nameof(offset));
        return Address + (nint)offset;
    }
}
