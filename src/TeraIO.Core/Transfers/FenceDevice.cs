using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>A GPU whose streams are ordered against transfers. Thread-safe; goes after its last fence, whoever is disposed first.</summary>
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

    public void Dispose() => _gpu.Dispose();
}
