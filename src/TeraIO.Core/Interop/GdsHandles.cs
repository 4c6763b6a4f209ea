using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

/// <summary>Owns an object of the native library; 0 is none.</summary>
internal abstract class GdsHandle : SafeHandle
{
    protected GdsHandle(nint owned)
        : base(0, ownsHandle: true)
    {
        SetHandle(owned);
    }

    public sealed override bool IsInvalid => handle == 0;
}

/// <summary>Owns a <c>tio_gds_file</c>.</summary>
internal sealed class GdsFileHandle(nint file) : GdsHandle(file)
{
    protected override bool ReleaseHandle() => NativeMethods.Gds.FileClose(handle) == TransferStatus.Ok;
}

/// <summary>Owns a <c>tio_gds_queue</c>. Releasing it waits for what is in flight.</summary>
internal sealed class GdsQueueHandle(nint queue) : GdsHandle(queue)
{
    protected override bool ReleaseHandle() => NativeMethods.Gds.QueueDestroy(handle) == TransferStatus.Ok;
}

/// <summary>Owns a <c>tio_gds_gpu</c>. Goes after its fences, timelines, checksums and memory; releasing it waits for the device.</summary>
internal sealed class GdsGpuHandle(nint gpu) : GdsHandle(gpu)
{
    protected override bool ReleaseHandle() => NativeMethods.Gds.GpuClose(handle) == TransferStatus.Ok;
}

/// <summary>Owns something of a GPU, and keeps the GPU open.</summary>
internal abstract class GdsGpuChildHandle : GdsHandle
{
    private bool _holdsGpu;

    /// <exception cref="ObjectDisposedException">The GPU is closed.</exception>
    protected GdsGpuChildHandle(GdsGpuHandle gpu)
        : base(0)
    {
        Gpu = gpu;
        gpu.DangerousAddRef(ref _holdsGpu);
    }

    /// <summary>Open as long as this handle.</summary>
    public GdsGpuHandle Gpu { get; }

    /// <summary>Takes over what the native library has made, or lets the GPU go and throws.</summary>
    /// <exception cref="TeraIOException">It has made nothing.</exception>
    protected void Own(TransferStatus status, nint made, string what, string remedy)
    {
        if (status == TransferStatus.Ok)
        {
            SetHandle(made);
            return;
        }
        LetGpuGo();
        throw new TeraIOException($"{what} cannot be made: {NativeMethods.Gds.LastError()}. {remedy}");
    }

    protected abstract TransferStatus Destroy();

    protected sealed override bool ReleaseHandle()
    {
        var status = Destroy();
        LetGpuGo();
        return status == TransferStatus.Ok;
    }

    private void LetGpuGo()
    {
        if (_holdsGpu)
            Gpu.DangerousRelease();
        _holdsGpu = false;
    }
}

/// <summary>Owns a <c>tio_gds_fence</c>.</summary>
internal sealed class GdsFenceHandle : GdsGpuChildHandle
{
    public GdsFenceHandle(GdsGpuHandle gpu)
        : base(gpu)
    {
        var status = NativeMethods.Gds.FenceCreate(gpu.DangerousGetHandle(), out nint fence);
        Own(status, fence, "A fence", "Dispose fences that are not needed any more.");
    }

    protected override TransferStatus Destroy() => NativeMethods.Gds.FenceDestroy(handle);
}

/// <summary>Owns a <c>tio_gds_timeline</c>.</summary>
internal sealed class GdsTimelineHandle : GdsGpuChildHandle
{
    public GdsTimelineHandle(GdsGpuHandle gpu)
        : base(gpu)
    {
        var status = NativeMethods.Gds.TimelineCreate(gpu.DangerousGetHandle(), out nint timeline);
        Own(status, timeline, "A timeline", "Dispose timelines that are not needed any more.");
    }

    protected override TransferStatus Destroy() => NativeMethods.Gds.TimelineDestroy(handle);
}

/// <summary>Owns a <c>tio_gds_checksums</c>.</summary>
internal sealed class GdsChecksumsHandle : GdsGpuChildHandle
{
    public GdsChecksumsHandle(GdsGpuHandle gpu)
        : base(gpu)
    {
        var status = NativeMethods.Gds.ChecksumsCreate(gpu.DangerousGetHandle(), out nint checksums);
        Own(status, checksums, "Checksums of the GPU's memory", "Without them reads cannot be verified there.");
    }

    protected override TransferStatus Destroy() => NativeMethods.Gds.ChecksumsDestroy(handle);
}

/// <summary>Owns memory of a GPU; the handle is its device address.</summary>
internal sealed class GdsDeviceMemoryHandle : GdsGpuChildHandle
{
    public GdsDeviceMemoryHandle(GdsGpuHandle gpu, long bytes)
        : base(gpu)
    {
        var status = NativeMethods.Gds.DeviceAlloc(gpu.DangerousGetHandle(), (nuint)bytes, out nint memory);
        Own(status, memory, $"Memory of {bytes} bytes on the GPU", "Ask for less, or end what else uses the GPU ('nvidia-smi' lists it).");
    }

    protected override TransferStatus Destroy() => NativeMethods.Gds.DeviceFree(Gpu.DangerousGetHandle(), handle);
}
