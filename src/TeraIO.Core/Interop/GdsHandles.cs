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
