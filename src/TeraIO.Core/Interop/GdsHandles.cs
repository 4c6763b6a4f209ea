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

/// <summary>Owns a <c>tio_gds_gpu</c>. Goes after its fences; releasing it waits for the device.</summary>
internal sealed class GdsGpuHandle(nint gpu) : GdsHandle(gpu)
{
    protected override bool ReleaseHandle() => NativeMethods.Gds.GpuClose(handle) == TransferStatus.Ok;
}

/// <summary>Owns a <c>tio_gds_fence</c>, and keeps its device open.</summary>
internal sealed class GdsFenceHandle : GdsHandle
{
    private readonly GdsGpuHandle _gpu;

    public GdsFenceHandle(GdsGpuHandle gpu)
        : base(0)
    {
        _gpu = gpu;
        bool isHeld = false;
        gpu.DangerousAddRef(ref isHeld);
        var status = NativeMethods.Gds.FenceCreate(gpu.DangerousGetHandle(), out nint fence);
        if (status == TransferStatus.Ok)
        {
            SetHandle(fence);
            return;
        }
        gpu.DangerousRelease();
        throw new TeraIOException($"A fence cannot be made: {NativeMethods.Gds.LastError()}. Dispose fences that are not needed any more.");
    }

    protected override bool ReleaseHandle()
    {
        var status = NativeMethods.Gds.FenceDestroy(handle);
        _gpu.DangerousRelease();
        return status == TransferStatus.Ok;
    }
}
