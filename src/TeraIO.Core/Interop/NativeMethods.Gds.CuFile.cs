using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    internal static unsafe partial class Gds
    {
        [LibraryImport(Library, EntryPoint = "tio_gds_cufile_configure")]
        public static partial TransferStatus CuFileConfigure(GdsCuFileOptions* options);

        [LibraryImport(Library, EntryPoint = "tio_gds_cufile_collect_statistics")]
        public static partial TransferStatus CuFileCollectStatistics(uint on);

        [LibraryImport(Library, EntryPoint = "tio_gds_cufile_get_statistics")]
        public static partial TransferStatus CuFileGetStatistics(GdsCuFileStatistics* statistics);
    }
}
