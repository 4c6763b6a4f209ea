using System.Globalization;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>A block device from sysfs.</summary>
/// <param name="Name">Of the whole disk, such as nvme0n1 or vda.</param>
/// <param name="Folder">Its folder in sysfs, without links.</param>
/// <param name="Model">As the disk calls itself; empty when it does not.</param>
/// <param name="Bytes">Its size; 0 when unknown.</param>
/// <param name="IsRotational">A spinning disk, or a virtual one that does not deny it.</param>
/// <param name="Scheduler">The kernel's scheduler for it; empty when unknown.</param>
/// <param name="LogicalBlock">Bytes of its smallest unit; 0 when unknown.</param>
/// <param name="Transport">nvme, virtio, usb, scsi, md, dm, loop, ram or unknown.</param>
/// <param name="Parts">Disks that it is made of, for RAID and device mapper.</param>
internal sealed record BlockDevice(
    string Name, string Folder, string Model, long Bytes, bool IsRotational, string Scheduler, int LogicalBlock, string Transport, IReadOnlyList<string> Parts)
{
    private const long Sector = 512;

    /// <summary>The disk behind a mount; null when sysfs knows none, as for network and memory file systems.</summary>
    public static BlockDevice? Behind(MachineFiles files, Mount mount)
    {
        string byNumber = $"/sys/dev/block/{mount.Device}";
        // File systems such as btrfs and overlay have device numbers of their own.
        string folder = files.Exists(byNumber) ? byNumber : $"/sys/class/block/{mount.Source[(mount.Source.LastIndexOf('/') + 1)..]}";
        if (!mount.Source.StartsWith("/dev/", StringComparison.Ordinal) && folder != byNumber) return null;
        return files.Exists(folder) ? Of(files, files.Canonical(folder)) : null;
    }

    private static BlockDevice Of(MachineFiles files, string folder)
    {
        // A partition's queue is its disk's.
        if (files.Exists(folder + "/partition")) folder = folder[..folder.LastIndexOf('/')];
        string name = folder[(folder.LastIndexOf('/') + 1)..];
        string scheduler = files.Read(folder + "/queue/scheduler").Trimmed;
        int open = scheduler.IndexOf('[', StringComparison.Ordinal);
        int close = scheduler.IndexOf(']', StringComparison.Ordinal);
        return new BlockDevice(
            name,
            folder,
            files.Read(folder + "/device/model").Trimmed,
            long.TryParse(files.Read(folder + "/size").Trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out long sectors) && sectors < long.MaxValue / Sector ? sectors * Sector : 0,
            files.Read(folder + "/queue/rotational").Trimmed == "1",
            open >= 0 && close > open ? scheduler[(open + 1)..close] : scheduler,
            int.TryParse(files.Read(folder + "/queue/logical_block_size").Trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out int block) ? block : 0,
            TransportOf(name, folder),
            files.Names(folder + "/slaves"));
    }

    private static string TransportOf(string name, string folder) => name switch
    {
        _ when name.StartsWith("nvme", StringComparison.Ordinal) => "nvme",
        _ when name.StartsWith("vd", StringComparison.Ordinal) || folder.Contains("/virtio", StringComparison.Ordinal) => "virtio",
        _ when name.StartsWith("md", StringComparison.Ordinal) => "md",
        _ when name.StartsWith("dm-", StringComparison.Ordinal) => "dm",
        _ when name.StartsWith("loop", StringComparison.Ordinal) => "loop",
        _ when name.StartsWith("ram", StringComparison.Ordinal) || name.StartsWith("zram", StringComparison.Ordinal) || name.StartsWith("pmem", StringComparison.Ordinal) => "ram",
        _ when folder.Contains("/usb", StringComparison.Ordinal) => "usb",
        _ when name.StartsWith("sd", StringComparison.Ordinal) => "scsi",
        _ => "unknown",
    };
}
