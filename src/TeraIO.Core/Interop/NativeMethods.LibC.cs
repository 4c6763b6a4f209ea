using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    /// <summary>The C library, where .NET has no equivalent.</summary>
    internal static partial class LibC
    {
        private const int LockExclusive = 2;
        private const int LockNonBlocking = 4;

        /// <summary>
        /// sys/file.h flock(LOCK_EX | LOCK_NB). FileShare.None would do the same, but an environment variable can turn
        /// that off, and then a live store would look dead.
        /// </summary>
        public static bool TryLock(SafeFileHandle file) => Flock(file, LockExclusive | LockNonBlocking) == 0;

        [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
        private static partial int Flock(SafeFileHandle file, int operation);
    }
}
