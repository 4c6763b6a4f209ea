using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>A directory that a store may use: its file system, direct I/O tried for real, its space and its disk.</summary>
internal static class PathChecks
{
    private const long LittleSpace = 10L << 30;
    private const long NoSpace = 1L << 30;

    private static readonly string[] _memory = ["tmpfs", "ramfs", "devtmpfs"];
    private static readonly string[] _remote = ["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "glusterfs"];

    public static ReportSection Run(Machine machine, string path, IReadOnlyList<string> others)
    {
        string canonical = machine.Files.Canonical(path);
        string title = $"Path {path}";
        if (!machine.Files.Exists(canonical))
            return new ReportSection(title, [Finding.Red("directory", "does not exist", $"Create it: 'mkdir -p {path}'.", path)]);
        Mount? mount = machine.Mounts.Of(canonical);
        DirectIoTrial trial = machine.Trials.DirectIo(path);
        return new ReportSection(title, [FileSystem(machine, mount), Options(machine, mount), DirectIo(path, trial), Space(path, trial), Device(machine, path, mount, others)]);
    }

    private static Finding FileSystem(Machine machine, Mount? mount)
    {
        const string Name = "file system";
        if (mount is null) return Finding.NotApplicable(Name, $"unknown: {(machine.Files.Read(MountTable.Source) is { Text: null } file ? file.Why : "no mount found")}", MountTable.Source);
        string text = $"{mount.Type} on {mount.Source}, mounted at {mount.Point}";
        if (_memory.Contains(mount.Type)) return Finding.Red(Name, text + ": memory, not a disk", "Choose a directory on an SSD: a store here would move memory into memory.", MountTable.Source);
        if (mount.Type == "overlay") return Finding.Yellow(Name, text + ": a container's own layer", "Mount a directory of the host's SSD into the container (docker run -v /mnt/nvme0:/mnt/nvme0).", MountTable.Source);
        if (_remote.Contains(mount.Type) || mount.Type.StartsWith("fuse", StringComparison.Ordinal))
            return Finding.Yellow(Name, text + ": every byte crosses a network or another program", "Choose a directory on a disk of this machine, unless this one is known to be fast.", MountTable.Source);
        return mount.Type is "btrfs" or "zfs"
            ? Finding.Yellow(Name, text + ": copies on write and checks its own sums, which direct I/O pays for", "Use ext4 or XFS for stores; on btrfs at least 'chattr +C' for the directory.", MountTable.Source)
            : Finding.Green(Name, text, MountTable.Source);
    }

    private static Finding Options(Machine machine, Mount? mount)
    {
        const string Name = "mount options";
        if (mount is null) return Finding.NotApplicable(Name, "unknown", MountTable.Source);
        string text = string.Join(',', mount.Options);
        if (text.Length > 200) text = text[..200];
        if (mount.Has("ro")) return Finding.Red(Name, text + ": read-only", $"Mount it writable: 'mount -o remount,rw {mount.Point}'.", MountTable.Source);
        string? journal = mount.Option("data");
        if (mount.Type == "ext4" && journal == "journal")
            return Finding.Yellow(Name, text + ": data=journal writes everything twice and has no direct I/O", $"Mount it with data=ordered in /etc/fstab.", MountTable.Source);
        if (mount.Type == "ext4" && machine.HasGpu && journal != "ordered")
            return Finding.Yellow(Name, text + ": cuFile wants data=ordered said explicitly", "Add data=ordered to the options in /etc/fstab and mount it again; without it cuFile refuses files or goes through the processor.", MountTable.Source);
        return Finding.Green(Name, text, MountTable.Source);
    }

    private static Finding DirectIo(string path, DirectIoTrial trial)
    {
        const string Name = "direct I/O";
        const string Tried = "1 MiB written, read and compared";
        if (trial.Works) return Finding.Green(Name, $"O_DIRECT works: memory in multiples of {trial.MemoryAlignment}, offsets of {trial.OffsetAlignment} bytes", Tried);
        return trial.CanWrite
            ? Finding.Yellow(Name, trial.Reason, "Choose a file system with O_DIRECT (ext4, XFS): through the page cache every byte is copied once more, and cached bytes count as the process's.", Tried)
            : Finding.Red(Name, trial.Reason, $"Make {path} writable for this user, or choose another directory.", Tried);
    }

    private static Finding Space(string path, DirectIoTrial trial)
    {
        const string Name = "free space";
        if (trial.FreeBytes < 0) return Finding.NotApplicable(Name, "unknown: no file could be made", path);
        string text = Figures.Bytes(trial.FreeBytes);
        const string Remedy = "Free some, or choose another directory: a store holds what does not fit the memory budget, often several times the model.";
        return trial.FreeBytes < NoSpace ? Finding.Red(Name, text, Remedy, path) : trial.FreeBytes < LittleSpace ? Finding.Yellow(Name, text, Remedy, path) : Finding.Green(Name, text, path);
    }

    private static Finding Device(Machine machine, string path, Mount? mount, IReadOnlyList<string> others)
    {
        const string Name = "device";
        if (mount is null || BlockDevice.Behind(machine.Files, mount) is not { } device)
            return Finding.NotApplicable(Name, mount is null ? "unknown" : $"{mount.Type} has no disk that is shown here", "/sys/dev/block");
        string text = Describe(machine, device);
        string[] sources = [device.Folder];
        string[] same = [.. others.Where(o => o != path && machine.Mounts.Of(machine.Files.Canonical(o)) is { } m && BlockDevice.Behind(machine.Files, m)?.Name == device.Name)];
        if (device.Transport == "ram") return Finding.Red(Name, text + ": memory, not a disk", "Choose a directory on an SSD.", sources);
        if (same.Length > 0) return Finding.Yellow(Name, $"{text}; also behind {string.Join(", ", same)}", "Name directories on different disks: two on one disk share its bandwidth.", sources);
        if (device.Transport == "usb") return Finding.Yellow(Name, text, "Use a disk inside the machine.", sources);
        if (device.Transport == "loop") return Finding.Yellow(Name, text + ": a file as a disk", "Use the file system that the file lies in.", sources);
        if (device.IsRotational && device.Transport != "virtio") return Finding.Yellow(Name, text + ": a spinning disk", "Use an SSD, best NVMe: training would wait for this disk.", sources);
        if (device.Transport == "scsi") return Finding.Yellow(Name, text + ": SATA or SAS, about a tenth of an NVMe's bandwidth", "Use an NVMe disk where there is one.", sources);
        return Finding.Green(Name, text, sources);
    }

    private static string Describe(Machine machine, BlockDevice device)
    {
        string kind = device.Transport switch
        {
            "nvme" => "NVMe" + (Fabric(machine, device) is { } fabric ? $" over {fabric}" : ""),
            "virtio" => "virtual disk",
            "md" => $"RAID of {string.Join(", ", device.Parts)}",
            "dm" => $"device mapper over {string.Join(", ", device.Parts)}",
            "unknown" => "unknown kind",
            _ => device.Transport,
        };
        return $"{device.Name}, {kind}" + (device.Model.Length > 0 ? $", {device.Model}" : "") + (device.Bytes > 0 ? $", {Figures.Bytes(device.Bytes)}" : "")
            + (device.Scheduler.Length > 0 ? $", scheduler {device.Scheduler}" : "");
    }

    /// <summary>tcp, rdma or fc for a disk that is not in this machine.</summary>
    private static string? Fabric(Machine machine, BlockDevice device)
    {
        string controller = device.Name.Split('n')[1] is var rest && rest.StartsWith("vme", StringComparison.Ordinal) ? "n" + rest : device.Name;
        string transport = machine.Files.Read($"/sys/class/nvme/{controller}/transport").Trimmed;
        return transport.Length == 0 || transport == "pcie" ? null : transport;
    }
}
