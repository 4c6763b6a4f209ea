using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    /// <summary>The C library, where .NET has no equivalent.</summary>
    internal static partial class LibC
    {
        // Equal on every Linux that .NET runs on.
        private const int OpenReadWrite = 0x2;
        private const int OpenNonBlocking = 0x800;
        private const int OpenNoTerminal = 0x100;
        private const int OpenCreate = 0x40;
        private const int OpenExclusive = 0x80;
        private const int OpenCloseOnExec = 0x80000;
        private const int OwnerOnly = 0x180; // 0600
        private const int NoEntry = 2;
        private const int LockExclusive = 2;
        private const int LockNonBlocking = 4;

        /// <summary>
        /// open(2) without the shared lock that every FileStream takes on Unix: two processes that only look at a lock file
        /// would keep its owner from locking it.
        /// </summary>
        /// <returns>Null when there is no such file or directory.</returns>
        /// <exception cref="IOException">It cannot be opened.</exception>
        public static SafeFileHandle? OpenLockFile(string path, bool create)
        {
            int flags = OpenReadWrite | (create ? OpenCreate | OpenExclusive : 0);
            return TryOpen(path, flags, out int errno) ?? (errno == NoEntry ? null : throw new IOException($"{path} cannot be opened: {Describe(errno)}."));
        }

        /// <summary>
        /// open(2) for reading a file of unknown nature: a pipe without a writer does not block, a terminal does not become this process's, and
        /// no lock is taken.
        /// </summary>
        /// <returns>Null when there is no such file or directory.</returns>
        /// <exception cref="IOException">It cannot be opened.</exception>
        public static SafeFileHandle? OpenForReading(string path)
        {
            return TryOpen(path, OpenNonBlocking | OpenNoTerminal, out int errno) ?? (errno == NoEntry ? null : throw new IOException(Describe(errno)));
        }

        /// <summary>Opens or creates a file (0600) for reading and writing, never through a link.</summary>
        /// <exception cref="IOException">It cannot be opened.</exception>
        public static SafeFileHandle OpenOrCreate(string path)
        {
            int noFollow = IsArm ? 0x8000 : 0x20000;
            return TryOpen(path, OpenReadWrite | OpenCreate | noFollow, out int errno) ?? throw new IOException($"{path} cannot be opened: {Describe(errno)}.");
        }

        /// <summary>open(2) of a new file for reading and writing past the page cache.</summary>
        /// <exception cref="IOException">It exists, cannot be made, or its file system has no O_DIRECT.</exception>
        public static SafeFileHandle CreateDirect(string path)
        {
            int direct = IsArm ? 0x10000 : 0x4000;
            return TryOpen(path, OpenReadWrite | OpenCreate | OpenExclusive | direct, out int errno)
                ?? throw new IOException($"{path} cannot be made for direct I/O: {Describe(errno)}.");
        }

        // O_DIRECT and O_NOFOLLOW differ between the architectures.
        private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

        /// <summary>open(2), close-on-exec and, where it creates, for the owner only.</summary>
        /// <returns>Null when the kernel refuses; then why.</returns>
        private static SafeFileHandle? TryOpen(string path, int flags, out int errno)
        {
            int descriptor = Open(path, flags | OpenCloseOnExec, OwnerOnly);
            errno = descriptor >= 0 ? 0 : Marshal.GetLastPInvokeError();
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
        }

        private static string Describe(int errno) => $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";

        /// <summary>sys/file.h flock(LOCK_EX | LOCK_NB): whether the lock is held now. It goes with the last descriptor of this opening.</summary>
        public static bool TryLock(SafeFileHandle file) => Flock(file, LockExclusive | LockNonBlocking) == 0;

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        private static partial int Open(string path, int flags, int mode);

        [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
        private static partial int Flock(SafeFileHandle file, int operation);
    }
}
