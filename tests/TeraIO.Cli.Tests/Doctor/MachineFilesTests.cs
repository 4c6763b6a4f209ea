using System.Security.Cryptography;
using TeraIO.Cli.Doctor;

namespace TeraIO.Cli.Tests.Doctor;

public sealed class MachineFilesTests
{
    private static readonly string[] _everyFile =
    [
        "/proc/sys/kernel/osrelease", "/proc/sys/kernel/io_uring_disabled", "/proc/cpuinfo", "/proc/meminfo", "/proc/self/cgroup", "/proc/self/limits", "/proc/self/status", "/proc/self/mountinfo", "/proc/1/cgroup", "/proc/modules", "/proc/cmdline", "/proc/kallsyms", "/proc/config.gz", "/proc/driver/nvidia/version", "/proc/driver/nvidia/params",
        "/proc/driver/nvidia/gpus/0/information", "/proc/driver/nvidia-fs/version", "/sys/fs/cgroup/memory.max", "/sys/kernel/iommu_groups/0/type", "/sys/module/nvme_core/parameters/multipath", "/etc/cufile.json", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
        "/sys/bus/pci/devices/0000:01:00.0/class", "/sys/bus/pci/devices/0000:01:00.0/resource", "/sys/bus/pci/devices/0000:01:00.0/config", "/sys/bus/pci/devices/0000:01:00.0/current_link_speed",
    ];

    [Test]
    public void A_file_of_ten_gigabytes_is_read_up_to_the_limit()
    {
        using var machine = new RecordedMachine();
        Sparse(machine, "/proc/version", 10L << 30);
        Assert.That(new MachineFiles(machine.Root).Read("/proc/version").Text, Has.Length.EqualTo(64 << 10));
    }

    [Test]
    public void A_pipe_nobody_writes_to_and_a_directory_do_not_block_or_throw()
    {
        using var machine = new RecordedMachine();
        machine.Folder("/proc/self/limits").Folder("/etc");
        using (var make = System.Diagnostics.Process.Start("mkfifo", machine.Root + "/etc/cufile.json")) make.WaitForExit();
        var files = new MachineFiles(machine.Root);
        Assert.That(files.Read("/proc/self/limits").Why, Is.Not.Empty);
        Assert.That(files.Read("/etc/cufile.json").Why, Is.Not.Empty);
        Assert.That(new MachineFiles("/").Read("/dev/zero", 1000).Text, Has.Length.EqualTo(1000));
    }

    [Test]
    public void A_missing_and_an_unreadable_file_say_why()
    {
        using var machine = new RecordedMachine();
        machine.File("/a", "text");
        var files = new MachineFiles(machine.Root);
        Assert.That(files.Read("/b"), Is.EqualTo(new FileText(null, "there is no such file", IsMissing: true)));
        Assert.That(files.Read("/a/b").Text, Is.Null);
        Assert.That(files.Names("/a"), Is.Empty);
    }

    [Test]
    public void Links_are_followed_within_the_root_only_and_circles_end()
    {
        using var machine = new RecordedMachine();
        machine.Folder("/sys/devices/pci0000:00/0000:00:01.0").Link("/sys/bus/x", "../devices/pci0000:00/0000:00:01.0").Link("/abs", "/sys/bus/x").Link("/up", "../../../../../etc").Link("/round", "round");
        var files = new MachineFiles(machine.Root);
        Assert.That(files.Canonical("/sys/bus/x/driver"), Is.EqualTo("/sys/devices/pci0000:00/0000:00:01.0/driver"));
        Assert.That(files.Canonical("/abs"), Is.EqualTo("/sys/devices/pci0000:00/0000:00:01.0"));
        Assert.That(files.Canonical("/up"), Is.EqualTo("/etc"));
        Assert.That(files.Canonical("/round"), Is.EqualTo("/round"));
    }

    [Test]
    public void A_word_across_two_pieces_is_found()
    {
        using var machine = new RecordedMachine();
        machine.File("/big", new string('.', (1 << 18) - 3) + "needle" + new string('.', 100));
        bool isFound = false;
        new MachineFiles(machine.Root).Scan("/big", 6, 1 << 20, piece => !(isFound = piece.Span.IndexOf("needle"u8) >= 0));
        Assert.That(isFound, Is.True);
    }

    [TestCase(0)]
    [TestCase(100)]
    [TestCase(1 << 17)]
    public void Random_bytes_in_every_file_crash_no_check(int length)
    {
        using var machine = new RecordedMachine();
        foreach (string path in _everyFile) machine.Bytes(path, RandomNumberGenerator.GetBytes(length));
        NoCheckFails(machine);
    }

    [Test]
    public void Huge_files_everywhere_crash_no_check()
    {
        using var machine = new RecordedMachine();
        foreach (string path in _everyFile) Sparse(machine, path, 10L << 30);
        NoCheckFails(machine);
    }

    [Test]
    public void Right_texts_with_bytes_turned_crash_no_check()
    {
        var random = new Random(20261125);
        using RecordedMachine machine = Recordings.GdsHost();
        string[] files = [.. Directory.EnumerateFiles(machine.Root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })];
        for (int round = 0; round < 60; round++)
        {
            string file = files[random.Next(files.Length)];
            byte[] bytes = File.ReadAllBytes(file);
            for (int i = 0; i < 1 + (bytes.Length / 20) && bytes.Length > 0; i++) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(file, bytes);
            NoCheckFails(machine);
        }
    }

    private static void NoCheckFails(RecordedMachine machine) =>
        Assert.That(machine.Examine("/work", "/raid/nvme1").Findings.Where(static f => f.Name == "check").Select(static f => f.Text), Is.Empty);

    private static void Sparse(RecordedMachine machine, string path, long bytes)
    {
        machine.File(path, "");
        using FileStream file = File.OpenWrite(machine.Root + path);
        file.SetLength(bytes);
    }
}
