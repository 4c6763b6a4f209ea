using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TeraIO.Core.Interop;

internal static partial class NativeMethods
{
    /// <summary>
    /// fcntl(2)'s open file description locks on byte ranges (Linux 3.15). They belong to one opening of a file: the kernel drops them when its last
    /// descriptor closes, however the process ends, and two openings exclude each other within a process too. Bytes need not exist in the file.
    /// </summary>
    internal static unsafe partial class OfdLocks
    {
        // Equal on every 64-bit Linux that .NET runs on.
        private const int GetLock = 36;
        private const int SetLock = 37;
        private const int SetLockWait = 38;
        private const short ReadLock = 0;
        private const short WriteLock = 1;
        private const short Unlocked = 2;
        private const int CurrentDirectory = -100;
        private const int EmptyPath = 0x1000;
        private const uint BasicStats = 0x7FF;
        private const int Interrupted = 4;

        [StructLayout(LayoutKind.Sequential)]
        private struct Flock
        {
            public short Type;
            public short Whence;
            public long Start;
            public long Length;
            public int Pid;
        }

        /// <summary>What statx(2) says of a file. The kernel's layout is the same on every architecture.</summary>
        [StructLayout(LayoutKind.Explicit, Size = 256)]
        internal struct FileStatus
        {
            /// <summary>0: the name is gone.</summary>
            [FieldOffset(16)]
            public uint Links;

            [FieldOffset(20)]
            public uint Owner;

            [FieldOffset(136)]
            public uint DeviceMajor;

            [FieldOffset(140)]
            public uint DeviceMinor;
        }

        /// <summary>The user that files are created as.</summary>
        [LibraryImport("libc", EntryPoint = "geteuid")]
        public static partial uint EffectiveUser();

        /// <exception cref="IOException">There is no such file, or it cannot be examined.</exception>
        public static FileStatus StatusOf(string path) =>
            StatusAt(CurrentDirectory, path, 0, BasicStats, out var status) == 0 ? status : throw Failure($"{path} cannot be examined");

        /// <exception cref="IOException">It cannot be examined.</exception>
        public static FileStatus StatusOf(SafeFileHandle file) =>
            StatusOfOpen(file, "", EmptyPath, BasicStats, out var status) == 0 ? status : throw Failure("An open file cannot be examined");

        /// <summary>Waits in the kernel until the range is this opening's alone.</summary>
        /// <exception cref="IOException">The kernel refuses (no lock left, or a file system without locks).</exception>
        public static void LockExclusive(SafeFileHandle file, long start, long length) => Wait(file, WriteLock, start, length);

        /// <summary>Waits in the kernel until nobody holds any byte of the range exclusively.</summary>
        /// <exception cref="IOException">The kernel refuses.</exception>
        public static void LockShared(SafeFileHandle file, long start, long length) => Wait(file, ReadLock, start, length);

        /// <summary>Lets go of what this opening holds in the range.</summary>
        /// <exception cref="IOException">The kernel refuses.</exception>
        public static void Unlock(SafeFileHandle file, long start, long length)
        {
            var range = new Flock { Type = Unlocked, Start = start, Length = length };
            if (Control(file, SetLock, &range) != 0) throw Failure("A byte range cannot be unlocked");
        }

        /// <summary>Any lock of another opening within the range; not necessarily the first.</summary>
        /// <returns>Whether there is one; then where.</returns>
        /// <exception cref="IOException">The kernel refuses.</exception>
        public static bool TryFindOther(SafeFileHandle file, long start, long length, out long foundStart, out long foundLength)
        {
            var range = new Flock { Type = WriteLock, Start = start, Length = length };
            if (Control(file, GetLock, &range) != 0) throw Failure("Byte ranges cannot be examined");
            (foundStart, foundLength) = (range.Start, range.Length);
            return range.Type != Unlocked;
        }

        private static void Wait(SafeFileHandle file, short type, long start, long length)
        {
            var range = new Flock { Type = type, Start = start, Length = length };
            while (Control(file, SetLockWait, &range) != 0)
            {
                if (Marshal.GetLastPInvokeError() != Interrupted) throw Failure("A byte range cannot be locked");
            }
        }

        private static IOException Failure(string what)
        {
            int errno = Marshal.GetLastPInvokeError();
            return new IOException($"{what}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).");
        }

        [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
        private static partial int Control(SafeFileHandle file, int command, Flock* range);

        [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        private static partial int StatusAt(int directory, string path, int flags, uint mask, out FileStatus status);

        [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        private static partial int StatusOfOpen(SafeFileHandle file, string path, int flags, uint mask, out FileStatus status);
    }
}
