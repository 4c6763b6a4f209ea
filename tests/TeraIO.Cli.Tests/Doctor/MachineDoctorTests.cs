using TeraIO.Cli.Doctor;

namespace TeraIO.Cli.Tests.Doctor;

public sealed class MachineDoctorTests
{
    [Test]
    public void A_bare_container_is_told_what_it_lacks_and_nothing_about_GPUs_is_red()
    {
        using RecordedMachine machine = Recordings.BareContainer();
        MachineReport report = machine.Examine("/work");
        Assert.Multiple(() =>
        {
            Check(report, "memory to SSD", FindingState.Yellow, "worker threads");
            Check(report, "virtual machine", FindingState.NotApplicable, "no NVIDIA GPU");
            Check(report, "GPU, staged", FindingState.NotApplicable, "no NVIDIA GPU");
            Check(report, "GPU, direct", FindingState.NotApplicable, "no NVIDIA GPU");
            Check(report, "container", FindingState.Green, "/.dockerenv");
            Check(report, "memory", FindingState.Green, "this container may use 2.00 GiB");
            Check(report, "locked memory", FindingState.Yellow, "64.0 KiB", "--ulimit memlock=-1");
            Check(report, "io_uring", FindingState.Yellow, "Operation not permitted", "seccomp");
            Check(report, "file system", FindingState.Yellow, "overlay", "docker run -v");
            Check(report, "device", FindingState.NotApplicable, "no disk");
            Check(report, "nvme", FindingState.NotApplicable, "no NVMe");
            Check(report, "libstdc++", FindingState.Green, "GLIBCXX_3.4.33");
            Assert.That(report.Count(FindingState.Red), Is.Zero);
        });
    }

    [Test]
    public void A_GDS_host_as_it_should_be_is_green_throughout()
    {
        using RecordedMachine machine = Recordings.GdsHost();
        MachineReport report = machine.Examine("/raid/nvme 0", "/raid/nvme1");
        Assert.That(report.Findings.Where(static f => f.State is FindingState.Yellow or FindingState.Red).Select(static f => $"{f.Name}: {f.Text}"), Is.Empty);
        Assert.Multiple(() =>
        {
            Check(report, "GPU, direct", FindingState.Green, "nvidia-fs");
            Check(report, "virtual machine", FindingState.Green, "no sign of a hypervisor");
            Check(report, "P2PDMA GPU", FindingState.Green, "NVIDIA H100 80GB HBM3: listed");
            Check(report, "gpu", FindingState.Green, "2 x NVIDIA H100 80GB HBM3");
            Check(report, "driver", FindingState.Green, "550.90.07, open kernel modules");
            Check(report, "nvidia-fs", FindingState.Green, "version 2.17");
            Check(report, "libcufile", FindingState.Green, "libcufile.so.1.9.1");
            Check(report, "cufile.json", FindingState.Green, "allow_compat_mode true, force_compat_mode by default");
            Check(report, "file system", FindingState.Green, "ext4 on /dev/nvme0n1, mounted at /raid/nvme 0");
            Check(report, "device", FindingState.Green, "nvme0n1, NVMe");
            Check(report, "nvme0", FindingState.Green, "SAMSUNG MZWLO3T8HCLS-00A07, PCIe 16 GT/s x4, NUMA node 0");
            Check(report, "gpu 0000:0f:00.0", FindingState.Green, "an idle GPU slows its link down");
            Check(report, "0000:0f:00.0 - 0000:10:00.0", FindingState.Green, "below one switch");
            Check(report, "ACS", FindingState.Green, "no bridge redirects");
            Check(report, "IOMMU", FindingState.Green, "off (iommu=pt)");
        });
    }

    [Test]
    public void Disks_and_GPUs_of_different_root_complexes_are_told()
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        Check(machine.Examine(), "0000:01:00.0 - 0000:41:00.0", FindingState.Yellow, "different root complexes", "teraio bench");
        machine.Nvme("pci0000:00/0000:00:02.0", "0000:02:00.0", 7, "/mnt/near");
        MachineReport report = machine.Examine();
        Check(report, "0000:01:00.0 - 0000:41:00.0", FindingState.Green, "nearer disk");
        Check(report, "0000:01:00.0 - 0000:02:00.0", FindingState.Green, "one root complex");
    }

    [Test]
    public void Every_fault_of_a_P2PDMA_host_is_named_with_its_remedy()
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        MachineReport report = machine.Examine("/mnt/fast", "/mnt/fast/second");
        Assert.Multiple(() =>
        {
            Check(report, "GPU, staged", FindingState.Red, "libcuda.so.1 does not load");
            Check(report, "GPU, direct", FindingState.Yellow, "libcufile.so.0 does not load");
            Check(report, "device files", FindingState.Red, "missing: /dev/nvidia-uvm", "nvidia-modprobe");
            Check(report, "libcuda", FindingState.Red, "cannot open shared object", "Install");
            Check(report, "libcufile", FindingState.Yellow, "/usr/local/cuda-12.8/lib64/libcufile.so.0", "LD_LIBRARY_PATH=/usr/local/cuda-12.8/lib64");
            Check(report, "nvidia-fs", FindingState.Yellow, "not loaded", "modprobe nvidia_fs");
            Check(report, "P2PDMA", FindingState.Yellow, "P2PDMA kernel, P2PDMA driver, P2PDMA registry, P2PDMA multipath, P2PDMA BAR1");
            Check(report, "virtual machine", FindingState.Yellow, "the processor's flag \"hypervisor\"", "StorageBackend.Device");
            Check(report, "P2PDMA kernel", FindingState.Yellow, "older than 6.2");
            Check(report, "P2PDMA driver", FindingState.Yellow, "closed kernel modules", "565.47");
            Check(report, "P2PDMA registry", FindingState.Yellow, "\"RMForceStaticBar1=1;\"", "RmForceDisableIomapWC=1");
            Check(report, "P2PDMA multipath", FindingState.Yellow, "on", "nvme_core.multipath=N");
            Check(report, "P2PDMA BAR1", FindingState.Yellow, "256 MiB", "Resizable BAR");
            Check(report, "cufile.json block", FindingState.Red, "inside another section", "top level");
            Check(report, "cufile.json compat", FindingState.Yellow, "force_compat_mode");
            Check(report, "cufile.json p2pdma", FindingState.Red, "properties only", "block.nvme");
            Check(report, "cufile.json size", FindingState.Red, "100", "multiple of 64");
            Check(report, "cufile.json cache", FindingState.Yellow, "less than io_batchsize 128");
            Check(report, "mount options", FindingState.Yellow, "data=ordered", "/etc/fstab");
            Check(report, "device", FindingState.Yellow, "also behind /mnt/fast/second", "different disks");
            Check(report, "nvme0", FindingState.Yellow, "PCIe 16 GT/s x2 (device: 16 GT/s x4)", "riser");
            Check(report, "gpu 0000:01:00.0", FindingState.Yellow, "x8");
            Check(report, "IOMMU", FindingState.Yellow, "DMA-FQ, identity", "iommu=pt");
            Check(report, "ACS", FindingState.Yellow, "0000:00:01.0", "setpci");
        });
    }

    [Test]
    public void A_P2PDMA_host_set_up_right_is_green()
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        machine
            .File("/proc/sys/kernel/osrelease", "6.8.0-60-generic\n")
            .File("/proc/kallsyms", $"{new string('x', 300_000)}\n0000000000000000 d p2pdma_pgmap_ops\n")
            .File("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n")
            .File("/proc/driver/nvidia/params", "RegistryDwords: \"RMForceStaticBar1=1;RmForceDisableIomapWC=1;\"\n")
            .File("/sys/module/nvme_core/parameters/multipath", "N\n")
            .File("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/resource", "0x0 0x0 0x0\n0x0000006000000000 0x0000007fffffffff 0x14220c\n")
            .File("/etc/cufile.json", """{ "properties": { "use_pci_p2pdma": true }, "block": { "nvme": { "use_pci_p2pdma": true } } }""");
        machine.Trials.RefusedBackends.Clear();
        MachineReport report = machine.Examine("/mnt/fast");
        Assert.Multiple(() =>
        {
            Check(report, "P2PDMA", FindingState.Green, "everything");
            Check(report, "P2PDMA kernel", FindingState.Green, "CONFIG_PCI_P2PDMA");
            Check(report, "P2PDMA BAR1", FindingState.Green, "128 GiB");
            Check(report, "GPU, direct", FindingState.Green, "PCI P2PDMA");
        });
    }

    [Test]
    public void Whether_a_gpu_has_checksums_is_told_with_the_reason()
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        Check(machine.Examine("/mnt/fast"), "checksums", FindingState.Green, "what the CPU does");
        machine.Trials.ChecksumsMissing = "the kernel computes something else";
        Check(machine.Examine("/mnt/fast"), "checksums", FindingState.Yellow, "the kernel computes something else", "written again");
    }

    [TestCase("NVIDIA A100-SXM4-80GB", true)]
    [TestCase("NVIDIA H100 80GB HBM3", true)]
    [TestCase("NVIDIA L40S", true)]
    [TestCase("NVIDIA L40", false)]
    [TestCase("NVIDIA GH200 480GB", false)]
    [TestCase("NVIDIA GeForce RTX 4090", false)]
    public void The_model_is_compared_with_those_that_P2PDMA_serves(string model, bool isListed)
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        machine.File("/proc/driver/nvidia/gpus/0000:01:00.0/information", $"Model: \t\t {model}\n");
        MachineReport report = machine.Examine();
        Check(report, "P2PDMA GPU", isListed ? FindingState.Green : FindingState.Yellow, isListed ? "listed by NVIDIA" : "not among the GPUs", isListed ? null : "nvidia-fs");
        Assert.That(report.Findings.Single(static f => f.Name == "P2PDMA").Text.Contains("P2PDMA GPU", StringComparison.Ordinal), Is.Not.EqualTo(isListed));
    }

    [Test]
    public void With_nvidia_fs_a_model_without_P2PDMA_is_nothing_to_worry_about()
    {
        using RecordedMachine machine = Recordings.GdsHost();
        machine.File("/proc/driver/nvidia/gpus/0000:4f:00.0/information", "Model: NVIDIA RTX A6000\n");
        Check(machine.Examine(), "P2PDMA GPU", FindingState.NotApplicable, "NVIDIA RTX A6000");
    }

    [TestCase("sys_vendor", "QEMU", FindingState.Yellow, "QEMU")]
    [TestCase("product_name", "VMware7,1", FindingState.Yellow, "VMware7,1")]
    [TestCase("product_name", "Virtual Machine", FindingState.Yellow, "Virtual Machine")]
    [TestCase("sys_vendor", "Amazon EC2", FindingState.Yellow, "Amazon EC2")]
    [TestCase("sys_vendor", "Supermicro", FindingState.Green, "no sign")]
    public void A_GPU_in_a_virtual_machine_is_told_what_to_expect(string file, string text, object state, string expected)
    {
        using RecordedMachine machine = Recordings.GdsHost();
        machine.File($"/sys/class/dmi/id/{file}", text + "\n");
        Check(machine.Examine(), "virtual machine", (FindingState)state, expected, (FindingState)state == FindingState.Yellow ? "teraio bench --backend cufile,staged" : null);
    }

    [Test]
    public void A_machine_of_a_cloud_without_a_hypervisor_is_none()
    {
        using RecordedMachine machine = Recordings.GdsHost();
        machine.File("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n").File("/sys/class/dmi/id/product_name", "p5.metal-48xl\n");
        Check(machine.Examine(), "virtual machine", FindingState.Green, "no sign");
    }

    [Test]
    public void The_kernels_packed_configuration_serves_where_its_symbols_are_hidden()
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        machine.File("/proc/sys/kernel/osrelease", "6.8.0-60-generic\n").Bytes("/proc/config.gz", Packed("CONFIG_PCI=y\n# CONFIG_PCI_P2PDMA is not set\n"));
        Check(machine.Examine(), "P2PDMA kernel", FindingState.Yellow, "built without");
        machine.Bytes("/proc/config.gz", Packed("CONFIG_PCI=y\nCONFIG_PCI_P2PDMA=y\n"));
        Check(machine.Examine(), "P2PDMA kernel", FindingState.Green, "built in");
    }

    [Test]
    public void WSL_has_its_own_ways()
    {
        using RecordedMachine machine = Recordings.Wsl();
        MachineReport report = machine.Examine("/mnt/c/store");
        Assert.Multiple(() =>
        {
            Check(report, "container", FindingState.Yellow, "WSL", "not under /mnt/c");
            Check(report, "gpu", FindingState.Green, "/dev/dxg");
            Check(report, "driver", FindingState.Green, "of Windows");
            Check(report, "virtual machine", FindingState.NotApplicable, "WSL");
            Check(report, "nvidia-fs", FindingState.NotApplicable, "WSL");
            Check(report, "P2PDMA", FindingState.NotApplicable, "WSL");
            Check(report, "pinned memory", FindingState.Yellow, "WSL", ".wslconfig");
            Check(report, "file system", FindingState.Yellow, "9p");
        });
        Check(machine.Examine("/home/me"), "file system", FindingState.Green, "ext4");
    }

    [Test]
    public void A_machine_whose_files_are_all_missing_gets_a_report()
    {
        using var machine = new RecordedMachine();
        MachineReport report = machine.Examine("/anywhere");
        Assert.That(report.Findings.Select(static f => f.Name), Does.Not.Contain("check"));
        Check(report, "kernel", FindingState.Yellow, "no such file");
        Check(report, "directory", FindingState.Red, "does not exist", "mkdir -p /anywhere");
    }

    [Test]
    public void A_storage_library_that_does_not_load_is_red_everywhere_it_matters()
    {
        using RecordedMachine machine = Recordings.BareContainer();
        foreach ((uint backend, _) in BackendTrial.All) machine.Trials.RefusedBackends[backend] = "libtio_gds_shim.so is missing";
        machine.Trials.Direct = new DirectIoTrial(false, false, "libtio_gds_shim.so is missing");
        MachineReport report = machine.Examine("/work");
        Check(report, "memory to SSD", FindingState.Red, "does not load");
        Check(report, "tio_gds_shim", FindingState.Red, "missing", "TERAIO_NATIVE_DIR");
        Check(report, "io_uring", FindingState.NotApplicable, "cannot be tried");
        Check(report, "free space", FindingState.NotApplicable, "unknown");
    }

    [TestCase("tmpfs", "tmpfs", "rw", "file system", FindingState.Red, "memory")]
    [TestCase("nfs4", "server:/export", "rw", "file system", FindingState.Yellow, "network")]
    [TestCase("btrfs", "/dev/sda1", "rw", "file system", FindingState.Yellow, "copies on write")]
    [TestCase("ext4", "/dev/sda1", "ro", "mount options", FindingState.Red, "read-only")]
    [TestCase("ext4", "/dev/sda1", "rw,data=journal", "mount options", FindingState.Yellow, "data=journal")]
    public void File_systems_and_options_that_hurt_are_named(string type, string source, string options, string finding, object state, string text)
    {
        using RecordedMachine machine = Recordings.BareContainer();
        machine.Folder("/store").Mount("8:1", "/store", type, source, options);
        Check(machine.Examine("/store"), finding, (FindingState)state, text);
    }

    [TestCase("sda", "1", "scsi0", FindingState.Yellow, "spinning")]
    [TestCase("sda", "0", "usb3", FindingState.Yellow, "usb")]
    [TestCase("sda", "0", "scsi0", FindingState.Yellow, "SATA")]
    [TestCase("vda", "1", "virtio0", FindingState.Green, "virtual disk")]
    [TestCase("zram0", "0", "virtual", FindingState.Red, "memory")]
    [TestCase("loop3", "0", "virtual", FindingState.Yellow, "a file as a disk")]
    public void The_disk_behind_a_partition_is_judged_by_its_kind(string disk, string rotational, string bus, object state, string text)
    {
        using RecordedMachine machine = Recordings.BareContainer();
        machine.File($"/sys/devices/{bus}/block/{disk}/queue/rotational", rotational)
            .File($"/sys/devices/{bus}/block/{disk}/{disk}1/partition", "1")
            .Link("/sys/dev/block/8:1", $"../../devices/{bus}/block/{disk}/{disk}1")
            .Folder("/store").Mount("8:1", "/store", "xfs", $"/dev/{disk}1", "rw");
        Check(machine.Examine("/store"), "device", (FindingState)state, text);
    }

    [Test]
    public void A_path_belongs_to_the_deepest_mount_by_whole_names()
    {
        using RecordedMachine machine = Recordings.BareContainer();
        machine.Folder("/mnt/ab").Mount("8:1", "/mnt/a", "xfs", "/dev/sda1", "rw");
        Check(machine.Examine("/mnt/ab"), "file system", FindingState.Yellow, "overlay");
    }

    [Test]
    public void Direct_io_that_is_refused_or_damaged_is_told()
    {
        using RecordedMachine machine = Recordings.BareContainer();
        machine.Trials.Direct = new DirectIoTrial(false, true, "O_DIRECT refused", FreeBytes: 100);
        MachineReport report = machine.Examine("/work");
        Check(report, "direct I/O", FindingState.Yellow, "O_DIRECT refused");
        Check(report, "free space", FindingState.Red, "100 B");
        Assert.That(machine.Trials.Tried, Is.EqualTo(new[] { "/work" }));
    }

    [Test]
    public void A_libtorch_is_found_in_the_NuGet_cache_in_Pythons_packages_and_by_its_variable()
    {
        using RecordedMachine machine = Recordings.BareContainer();
        machine.Variable("HOME", "/home/me")
            .File("/home/me/.nuget/packages/libtorch-cpu-linux-x64/2.10.0/runtimes/linux-x64/native/libtorch_cpu.so", "")
            .File("/usr/local/lib/python3.12/site-packages/torch/lib/libtorch_cpu.so", "")
            .File("/usr/local/lib/python3.12/site-packages/torch/version.py", "__version__ = '2.11.0+cu130'\n");
        MachineReport report = machine.Examine();
        Check(report, "libtorch", FindingState.Green, "2.10.0 at /home/me/.nuget");
        Check(report, "libtorch 2", FindingState.NotApplicable, "2.11.0+cu130");
        machine.Variable("TERAIO_LIBTORCH", "/usr/local/lib/python3.12/site-packages/torch");
        Check(machine.Examine(), "libtorch", FindingState.Yellow, "2.11.0+cu130", "TERAIO_LIBTORCH");
        machine.Variable("TERAIO_LIBTORCH", "/nowhere");
        Check(machine.Examine(), "libtorch", FindingState.Red, "holds no libtorch_cpu.so");
    }

    [Test]
    public void A_configuration_that_is_no_JSON_is_red()
    {
        using RecordedMachine machine = Recordings.GdsHost();
        machine.File("/opt/mine.json", "{ \"properties\": ").Variable("CUFILE_ENV_PATH_JSON", "/opt/mine.json");
        Check(machine.Examine(), "cufile.json", FindingState.Red, "/opt/mine.json: it is not JSON");
        machine.File("/opt/mine.json", "[]");
        Check(machine.Examine(), "cufile.json", FindingState.Red, "not a JSON object");
    }

    [Test]
    public void Every_yellow_and_red_finding_has_a_remedy_and_every_finding_a_source()
    {
        foreach (Func<RecordedMachine> recording in (Func<RecordedMachine>[])[Recordings.BareContainer, Recordings.GdsHost, Recordings.FaultyP2pHost, Recordings.Wsl, static () => new RecordedMachine()])
        {
            using RecordedMachine machine = recording();
            foreach (Finding finding in machine.Examine("/work", "/mnt/fast").Findings)
            {
                Assert.That(finding.Remedy is not null, Is.EqualTo(finding.State is FindingState.Yellow or FindingState.Red), finding.Name);
                Assert.That(finding.Sources, Is.Not.Empty, finding.Name);
            }
        }
    }

    private static byte[] Packed(string text)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(bytes, System.IO.Compression.CompressionLevel.Fastest)) gzip.Write(System.Text.Encoding.ASCII.GetBytes(text));
        return bytes.ToArray();
    }

    private static void Check(MachineReport report, string name, FindingState state, string text, string? remedy = null)
    {
        Finding? finding = report.Findings.FirstOrDefault(f => f.Name == name);
        Assert.That(finding, Is.Not.Null, $"no finding '{name}' among {string.Join(", ", report.Findings.Select(static f => f.Name))}");
        Assert.That((finding!.State, finding.Text), Is.EqualTo((state, finding.Text)), name);
        Assert.That(finding.Text, Does.Contain(text), name);
        if (remedy is not null) Assert.That(finding.Remedy, Does.Contain(remedy), name);
    }
}
