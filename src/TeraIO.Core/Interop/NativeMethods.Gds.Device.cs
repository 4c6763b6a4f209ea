using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    internal static unsafe partial class Gds
    {
        [LibraryImport(Library, EntryPoint = "tio_gds_device_describe")]
        public static partial TransferStatus DeviceDescribe(uint device, byte* text, nuint capacity);

        [LibraryImport(Library, EntryPoint = "tio_gds_device_alloc")]
        public static partial TransferStatus DeviceAlloc(nint gpu, nuint bytes, out nint memory);

        [LibraryImport(Library, EntryPoint = "tio_gds_device_free")]
        public static partial TransferStatus DeviceFree(nint gpu, nint memory);

        [LibraryImport(Library, EntryPoint = "tio_gds_device_copy")]
        public static partial TransferStatus DeviceCopy(GdsGpuHandle gpu, void* to, void* from, nuint bytes, GdsCopyDirection direction);

        [LibraryImport(Library, EntryPoint = "tio_gds_timeline_create")]
        public static partial TransferStatus TimelineCreate(nint gpu, out nint timeline);

        [LibraryImport(Library, EntryPoint = "tio_gds_timeline_destroy")]
        public static partial TransferStatus TimelineDestroy(nint timeline);

        [LibraryImport(Library, EntryPoint = "tio_gds_timeline_mark")]
        public static partial TransferStatus TimelineMark(GdsTimelineHandle timeline, nint stream, out ulong index);

        [LibraryImport(Library, EntryPoint = "tio_gds_timeline_collect")]
        public static partial TransferStatus TimelineCollect(GdsTimelineHandle timeline, double* seconds, ulong capacity, out ulong count);
    }
}
