using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace TeraIO.Core.Tests.Storage;

/// <summary>
/// Makes the disk of a directory an NVMe disk in the eyes of one thread: in a mount namespace of its own, /sys/dev/block is another folder. Tests are ignored where that is not allowed, or the directory is not on a local disk's ext4 or XFS.
/// </summary>
internal static partial class NvmeDisguise
{
    private const int NewMountNamespace = 0x20000;
    private const ulong Bind = 0x1000;
    private const ulong Recursive = 0x4000;
    private const ulong Private = 0x40000;

    /// <summary>Runs <paramref name="body"/> on a thread of its own. What other threads do by themselves sees the machine as it is.</summary>
    public static void Run(string directory, Action body)
    {
        string device = DeviceOf(directory);
        string disks = Directory.CreateTempSubdirectory("teraio-nvme-tests-").FullName;
        Directory.CreateDirectory(Path.Combine(disks, "nvme0n1"));
        File.CreateSymbolicLink(Path.Combine(disks, device), "nvme0n1");
        string? refused = null;
        Exception? failed = null;
        var thread = new Thread(() =>
        {
            refused = Enter(disks);
            if (refused is not null)
                return;
            try
            {
                body();
            }
            catch (Exception e)
            {
                failed = e;
            }
        });
        thread.Start();
        thread.Join();
        Directory.Delete(disks, recursive: true);
        if (refused is not null)
            Assert.Ignore($"a thread cannot have a /sys/dev/block of its own here: {refused}");
        if (failed is not null)
            ExceptionDispatchInfo.Throw(failed);
    }

    private static string? Enter(string disks)
    {
        if (Unshare(NewMountNamespace) != 0 || Mount(null, "/", null, Recursive | Private, 0) != 0 || Mount(disks, "/sys/dev/block", null, Bind, 0) != 0)
            return Marshal.GetLastPInvokeErrorMessage();
        return null;
    }

    /// <summary>Major and minor number, from the deepest mount.</summary>
    private static string DeviceOf(string directory)
    {
        string[]? mount = File.ReadLines("/proc/self/mountinfo").Select(static line => line.Split(' '))
            .Where(fields => fields[4] == "/" || directory.StartsWith(fields[4] + "/", StringComparison.Ordinal))
            .MaxBy(static fields => fields[4].Length);
        string type = mount?[Array.IndexOf(mount, "-") + 1] ?? "none";
        if (type is not ("ext4" or "xfs"))
            Assert.Ignore($"{directory} is on {type}, not on ext4 or XFS");
        return mount![2];
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string? source, string target, string? type, ulong flags, nint data);
}
