using System.Runtime.InteropServices;
using System.Text;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    /// <summary>native/gds_shim/include/tio_gds.h. Text of failures: <see cref="LastError"/>, on the same thread.</summary>
    internal static unsafe partial class Gds
    {
        private const string Library = "tio_gds_shim";
        private const uint AbiVersion = 5;

        private static readonly Lock _loading = new();
        private static volatile bool _isLoaded;

        /// <summary>
        /// Loads and checks the library; first thing before any other call. Not a static constructor: that would hide the
        /// reason in a TypeInitializationException and never try again.
        /// </summary>
        /// <exception cref="ConfigurationException">It is missing, does not load, or is of another version.</exception>
        public static void EnsureLoaded()
        {
            if (_isLoaded)
                return;
            lock (_loading)
            {
                EnsureResolver();
                CheckAbi();
                _isLoaded = true;
            }
        }

        [LibraryImport(Library, EntryPoint = "tio_gds_available_backends")]
        public static partial TransferStatus AvailableBackends(uint* mask, byte* why, nuint whyCapacity);

        [LibraryImport(Library, EntryPoint = "tio_gds_file_open", StringMarshalling = StringMarshalling.Utf8)]
        public static partial TransferStatus FileOpen(string path, GdsFileFlags flags, out nint file);

        [LibraryImport(Library, EntryPoint = "tio_gds_file_get_info")]
        public static partial TransferStatus FileGetInfo(GdsFileHandle file, GdsFileInfo* info);

        [LibraryImport(Library, EntryPoint = "tio_gds_file_allocate")]
        public static partial TransferStatus FileAllocate(GdsFileHandle file, ulong size);

        [LibraryImport(Library, EntryPoint = "tio_gds_file_close")]
        public static partial TransferStatus FileClose(nint file);

        [LibraryImport(Library, EntryPoint = "tio_gds_file_get_route")]
        public static partial TransferStatus FileGetRoute(GdsFileHandle file, int device, GdsRoute* route, byte* why, nuint whyCapacity);

        [LibraryImport(Library, EntryPoint = "tio_gds_queue_create")]
        public static partial TransferStatus QueueCreate(GdsQueueOptions* options, out nint queue);

        [LibraryImport(Library, EntryPoint = "tio_gds_queue_destroy")]
        public static partial TransferStatus QueueDestroy(nint queue);

        [LibraryImport(Library, EntryPoint = "tio_gds_queue_backend")]
        public static partial TransferStatus QueueBackend(GdsQueueHandle queue, uint* backend);

        [LibraryImport(Library, EntryPoint = "tio_gds_submit")]
        public static partial TransferStatus Submit(GdsQueueHandle queue, GdsRequest* requests, uint count, uint* accepted);

        [LibraryImport(Library, EntryPoint = "tio_gds_wait")]
        public static partial TransferStatus Wait(
            GdsQueueHandle queue, GdsCompletion* completions, uint capacity, int timeoutMilliseconds, uint* count);

        [LibraryImport(Library, EntryPoint = "tio_gds_wake")]
        public static partial TransferStatus Wake(GdsQueueHandle queue);

        [LibraryImport(Library, EntryPoint = "tio_gds_cancel")]
        public static partial TransferStatus Cancel(GdsQueueHandle queue, ulong token);

        [LibraryImport(Library, EntryPoint = "tio_gds_host_pin")]
        public static partial TransferStatus HostPin(void* memory, nuint length, out nint pin);

        [LibraryImport(Library, EntryPoint = "tio_gds_host_unpin")]
        public static partial TransferStatus HostUnpin(nint pin);

        /// <summary>What the calling thread's last failed call said.</summary>
        public static string LastError()
        {
            const int Capacity = 1024;
            byte* text = stackalloc byte[Capacity];
            nuint length = CopyLastError(text, Capacity);
            return Encoding.UTF8.GetString(text, (int)nuint.Min(length, Capacity - 1));
        }

        /// <summary>What a completion's status and code mean, in words.</summary>
        public static string DescribeError(TransferStatus status, int code)
        {
            EnsureLoaded();
            const int Capacity = 512;
            byte* text = stackalloc byte[Capacity];
            nuint length = CopyErrorText(status, code, text, Capacity);
            return Encoding.UTF8.GetString(text, (int)nuint.Min(length, Capacity - 1));
        }

        /// <summary>
        /// A library of another version, or structs laid out otherwise than the header says, would corrupt memory on the
        /// first transfer: stop before it.
        /// </summary>
        private static void CheckAbi()
        {
            uint found = GetAbiVersion();
            if (found != AbiVersion)
            {
                throw new ConfigurationException(
                    $"lib{Library}.so has ABI version {found}, this TeraIO.Core needs {AbiVersion}. Build both from the same revision: "
                    + "'cmake --preset release && cmake --build --preset release'.");
            }
            // Sizes on LP64, from the header.
            if (sizeof(GdsFileInfo) != 40 || sizeof(GdsQueueOptions) != 40 || sizeof(GdsRequest) != 80 || sizeof(GdsCompletion) != 32 || sizeof(GdsFenceState) != 16)
                throw new ConfigurationException($"lib{Library}.so needs a 64-bit process: its structs have other sizes here. Run a 64-bit .NET.");
        }

        [LibraryImport(Library, EntryPoint = "tio_gds_abi_version")]
        private static partial uint GetAbiVersion();

        [LibraryImport(Library, EntryPoint = "tio_gds_describe_error")]
        private static partial nuint CopyErrorText(TransferStatus status, int code, byte* text, nuint capacity);

        [LibraryImport(Library, EntryPoint = "tio_gds_last_error")]
        private static partial nuint CopyLastError(byte* buffer, nuint capacity);
    }
}
