using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    internal static unsafe partial class Gds
    {
        [LibraryImport(Library, EntryPoint = "tio_gds_checksums_create")]
        public static partial TransferStatus ChecksumsCreate(nint gpu, out nint checksums);

        [LibraryImport(Library, EntryPoint = "tio_gds_checksums_destroy")]
        public static partial TransferStatus ChecksumsDestroy(nint checksums);

        [LibraryImport(Library, EntryPoint = "tio_gds_checksums_compute")]
        public static partial TransferStatus ChecksumsCompute(GdsChecksumsHandle checksums, GdsMemoryRange* ranges, uint count, ulong* results);

        [LibraryImport(Library, EntryPoint = "tio_gds_checksum_of_host")]
        public static partial ulong ChecksumOfHost(void* memory, ulong bytes, ulong seed);
    }
}
