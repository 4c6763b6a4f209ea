using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>
/// A GPU whose streams are ordered against transfers, and what is made on it. Thread-safe; goes after its last fence, timeline, checksums and memory, whoever is disposed first.
/// </summary>
internal sealed unsafe class FenceDevice : IDisposable
{
    private const uint WaitsOnHost = 1;

    private readonly GdsGpuHandle _gpu;

    /// <param name="ordinal">Of the CUDA device.</param>
    /// <param name="waitsOnHost">Waits for bytes block the host although the driver could let a stream wait.</param>
    /// <exception cref="ConfigurationException">There is no such device, or no CUDA driver.</exception>
    public FenceDevice(int ordinal, bool waitsOnHost = false)
    {
        NativeMethods.Gds.EnsureLoaded();
        var options = new GdsGpuOptions
        {
            StructSize = (uint)sizeof(GdsGpuOptions),
            Device = (uint)ordinal,
            Waits = waitsOnHost ? WaitsOnHost : 0,
        };
        if (NativeMethods.Gds.GpuOpen(&options, out nint gpu) != TransferStatus.Ok)
            throw new ConfigurationException($"GPU {ordinal} cannot be used: {NativeMethods.Gds.LastError()}. 'teraio doctor' tells which devices there are.");
        _gpu = new GdsGpuHandle(gpu);
    }

    /// <summary>Whether streams wait for bytes by themselves; known for certain after the first wait.</summary>
    public bool StreamsWait
    {
        get
        {
            var info = new GdsGpuInfo { StructSize = (uint)sizeof(GdsGpuInfo) };
            _ = NativeMethods.Gds.GpuGetInfo(_gpu, &info);
            return info.Waits != WaitsOnHost;
        }
    }

    /// <exception cref="ObjectDisposedException">The device is disposed.</exception>
    public TransferFence CreateFence() => new(new GdsFenceHandle(_gpu));

    /// <exception cref="ObjectDisposedException">The device is disposed.</exception>
    public DeviceTimeline CreateTimeline() => new(new GdsTimelineHandle(_gpu));

    /// <summary>Checksums of this device's memory, by a kernel that has just proved to compute what the CPU does.</summary>
    /// <exception cref="TeraIOException">The driver does not take the kernel, or it computes something else: this device has no checksums.</exception>
    /// <exception cref="ObjectDisposedException">The device is disposed.</exception>
    public DeviceChecksums CreateChecksums() => new(new GdsChecksumsHandle(_gpu));

    /// <summary>Memory of this device for who has no other allocator there. What is in it is undefined.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <exception cref="TeraIOException">The device has no more.</exception>
    /// <exception cref="ObjectDisposedException">The device is disposed.</exception>
    public DeviceMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        return new DeviceMemory(this, new GdsDeviceMemoryHandle(_gpu, bytes), bytes);
    }

    /// <summary>
    /// Copies to any memory of this device, whoever allocated it, and returns when the bytes are there. Comes after what is in the legacy default stream, and knows no other stream.
    /// </summary>
    /// <exception cref="TeraIOException">The driver refused.</exception>
    public void CopyToDevice(ReadOnlySpan<byte> host, nint device)
    {
        fixed (byte* source = host)
            Copy((void*)device, source, host.Length, GdsCopyDirection.ToDevice);
    }

    /// <inheritdoc cref="CopyToDevice"/>
    public void CopyToHost(nint device, Span<byte> host)
    {
        fixed (byte* destination = host)
            Copy(destination, (void*)device, host.Length, GdsCopyDirection.ToHost);
    }

    public void Dispose() => _gpu.Dispose();

    private void Copy(void* to, void* from, int bytes, GdsCopyDirection direction)
    {
        if (bytes == 0)
            return;
        if (NativeMethods.Gds.DeviceCopy(_gpu, to, from, (nuint)bytes, direction) != TransferStatus.Ok)
            throw new TeraIOException($"Memory of the GPU cannot be copied: {NativeMethods.Gds.LastError()}. After an error in a kernel the process has to be started again.");
    }
}
