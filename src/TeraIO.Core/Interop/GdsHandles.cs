using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

/// <summary>Owns a <c>tio_gds_file</c>.</summary>
internal sealed class GdsFileHandle : SafeHandle
{
    public GdsFileHandle(nint file)
        : base(0, ownsHandle: true)
    {
        SetHandle(file);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => NativeMethods.Gds.FileClose(handle) == TransferStatus.Ok;
}

/// <summary>Owns a <c>tio_gds_queue</c>. Releasing it waits for what is in flight.</summary>
internal sealed class GdsQueueHandle : SafeHandle
{
    public GdsQueueHandle(nint queue)
        : base(0, ownsHandle: true)
    {
        SetHandle(queue);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => NativeMethods.Gds.QueueDestroy(handle) == TransferStatus.Ok;
}

/// <summary>Owns a <c>tio_gds_gpu</c>. Goes after its fences; releasing it waits for the device.</summary>
internal sealed class GdsGpuHandle : SafeHandle
{
    public GdsGpuHandle(nint gpu)
        : base(0, ownsHandle: true)
    {
        SetHandle(gpu);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => NativeMethods.Gds.GpuClose(handle) == TransferStatus.Ok;
}

/// <summary>Owns a <c>tio_gds_fence</c>, and keeps its device open.</summary>
internal sealed class GdsFenceHandle : SafeHandle
{
    private readonly GdsGpuHandle _gpu;

    public GdsFenceHandle(GdsGpuHandle gpu)
        : base(0, ownsHandle: true)
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

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        var status = NativeMethods.Gds.FenceDestroy(handle);
        _gpu.DangerousRelease();
        return status == TransferStatus.Ok;
    }
}
