using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    internal static unsafe partial class Gds
    {
        [LibraryImport(Library, EntryPoint = "tio_gds_gpu_open")]
        public static partial TransferStatus GpuOpen(GdsGpuOptions* options, out nint gpu);

        [LibraryImport(Library, EntryPoint = "tio_gds_gpu_get_info")]
        public static partial TransferStatus GpuGetInfo(GdsGpuHandle gpu, GdsGpuInfo* info);

        [LibraryImport(Library, EntryPoint = "tio_gds_gpu_close")]
        public static partial TransferStatus GpuClose(nint gpu);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_create")]
        public static partial TransferStatus FenceCreate(nint gpu, out nint fence);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_destroy")]
        public static partial TransferStatus FenceDestroy(nint fence);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_record")]
        public static partial TransferStatus FenceRecord(GdsFenceHandle fence, nint stream);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_arm")]
        public static partial TransferStatus FenceArm(GdsFenceHandle fence, uint transfers);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_signal")]
        public static partial TransferStatus FenceSignal(GdsFenceHandle fence, TransferStatus status, int systemErrno);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_make_wait")]
        public static partial TransferStatus FenceMakeWait(GdsFenceHandle fence, nint stream, out FenceWait how);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_get_state")]
        public static partial TransferStatus FenceGetState(GdsFenceHandle fence, GdsFenceState* state);

        [LibraryImport(Library, EntryPoint = "tio_gds_fence_wait")]
        public static partial TransferStatus FenceWaitFor(GdsFenceHandle fence, int timeoutMilliseconds);
    }
}
