using TeraIO.Cli.Doctor;

namespace TeraIO.Cli.Tests.Doctor;

/// <summary>Machines of four kinds.</summary>
internal static class Recordings
{
    /// <summary>A container on a cloud machine: no devices in sysfs, an overlay for a root, a memory limit, io_uring refused by seccomp.</summary>
    public static RecordedMachine BareContainer()
    {
        RecordedMachine machine = Linux("5.15.0-1053-aws", lockedBytes: "65536")
            .File("/.dockerenv", "")
            .File("/sys/fs/cgroup/memory.max", "2147483648\n")
            .File("/proc/self/cgroup", "0::/\n")
            .Folder("/work")
            .Mount("0:57", "/", "overlay", "overlay", "rw,lowerdir=/l,upperdir=/u,workdir=/w");
        machine.Trials.RefusedBackends[BackendTrial.Uring] = "io_uring_setup: Operation not permitted (errno 1)";
        return machine;
    }

    /// <summary>A DGX-like machine with nvidia-fs: two GPUs, two NVMe disks below the same switches, everything as it should be.</summary>
    public static RecordedMachine GdsHost()
    {
        RecordedMachine machine = Linux("5.15.0-1042-nvidia", lockedBytes: "unlimited", isVirtual: false)
            .File("/sys/class/dmi/id/sys_vendor", "NVIDIA\n")
            .File("/sys/class/dmi/id/product_name", "DGXH100\n")
            .File("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.90.07  Release Build\nGCC version:  gcc version 12.3.0\n")
            .File("/proc/driver/nvidia/params", "ResmanDebugLevel: 4294967295\nRegistryDwords: \"\"\n")
            .File("/proc/driver/nvidia/gpus/0000:0f:00.0/information", "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 18\n")
            .File("/proc/driver/nvidia/gpus/0000:4f:00.0/information", "Model: \t\t NVIDIA H100 80GB HBM3\n")
            .File("/proc/driver/nvidia-fs/version", "version: 2.17\n")
            .File("/proc/modules", "nvidia_fs 262144 0 - Live 0x0000000000000000 (OE)\nnvidia 56733696 7 nvidia_fs, Live 0x0000000000000000\n")
            .File("/dev/nvidiactl", "").File("/dev/nvidia0", "").File("/dev/nvidia-uvm", "")
            .Folder("/run/udev/data")
            .File("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/md0 iommu=pt\n")
            .File("/etc/cufile.json", """
                {
                    // as installed
                    "logging": { "dir": "/var/log" },
                    "properties": { "allow_compat_mode": true, "max_direct_io_size_kb": 16384, "max_device_cache_size_kb": 131072, "per_buffer_cache_size_kb": 1024, "io_batchsize": 128, },
                    "block": { "nvme": { "use_pci_p2pdma": false } },
                }
                """)
            .Gpu("pci0000:0d/0000:0d:01.0/0000:0e:00.0", "0000:0f:00.0")
            .Gpu("pci0000:4d/0000:4d:01.0/0000:4e:00.0", "0000:4f:00.0")
            .Bridge("pci0000:0d", "0000:0d:01.0", acsControl: 0x0001)
            .Bridge("pci0000:0d/0000:0d:01.0", "0000:0e:00.0", acsControl: 0)
            .Bridge("pci0000:4d", "0000:4d:01.0", acsControl: 0)
            .Bridge("pci0000:4d/0000:4d:01.0", "0000:4e:00.0", acsControl: 0)
            .Nvme("pci0000:0d/0000:0d:01.0/0000:0e:00.0", "0000:10:00.0", 0, "/raid/nvme 0", fileSystem: "ext4", options: "rw,data=ordered")
            .Nvme("pci0000:4d/0000:4d:01.0/0000:4e:00.0", "0000:50:00.0", 1, "/raid/nvme1");
        machine.Trials.RefusedBackends.Clear();
        machine.Trials.Libraries["libcuda.so.1"] = "/usr/lib/x86_64-linux-gnu/libcuda.so.550.90.07";
        machine.Trials.Libraries["libcufile.so.0"] = "/usr/local/cuda-12.4/targets/x86_64-linux/lib/libcufile.so.1.9.1";
        return machine;
    }

    /// <summary>A machine meant for PCI P2PDMA on which nearly everything is wrong.</summary>
    public static RecordedMachine FaultyP2pHost()
    {
        RecordedMachine machine = Linux("6.1.0-18-amd64", lockedBytes: "8388608")
            .File("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  560.35.03  Fri Aug 16 21:39:15 UTC 2024\n")
            .File("/proc/driver/nvidia/params", "RegistryDwords: \"RMForceStaticBar1=1;\"\n")
            .File("/sys/module/nvme_core/parameters/multipath", "Y\n")
            .File("/proc/cmdline", "quiet\n")
            .File("/sys/kernel/iommu_groups/0/type", "DMA-FQ\n")
            .File("/sys/kernel/iommu_groups/1/type", "identity\n")
            .File("/dev/nvidiactl", "").File("/dev/nvidia0", "")
            .File("/etc/cufile.json", """
                { "properties": { "use_pci_p2pdma": true, "force_compat_mode": true, "max_direct_io_size_kb": 100, "max_device_cache_size_kb": 1024, "per_buffer_cache_size_kb": 1024, "io_batchsize": 128 },
                  "fs": { "block": { "nvme": { "use_pci_p2pdma": true } } } }
                """)
            .Gpu("pci0000:00/0000:00:01.0", "0000:01:00.0", bar1First: "0x0000006000000000", bar1Last: "0x000000600fffffff", lanes: "8")
            .Bridge("pci0000:00", "0000:00:01.0", acsControl: 0x001D)
            .Bridge("pci0000:40", "0000:40:03.1", acsControl: 0)
            .Nvme("pci0000:40/0000:40:03.1", "0000:41:00.0", 0, "/mnt/fast", lanes: "2", fileSystem: "ext4")
            .Folder("/mnt/fast/second")
            .File("/usr/local/cuda-12.8/lib64/libcufile.so.0", "");
        machine.Trials.RefusedBackends[BackendTrial.CuFile] = "libcufile.so.0 does not load";
        machine.Trials.RefusedBackends[BackendTrial.Staged] = "libcuda.so.1 does not load";
        return machine;
    }

    /// <summary>Windows Subsystem for Linux with a GPU.</summary>
    public static RecordedMachine Wsl()
    {
        RecordedMachine machine = Linux("5.15.167.4-microsoft-standard-WSL2", lockedBytes: "67108864")
            .File("/usr/lib/wsl/lib/libcuda.so.1", "")
            .File("/dev/dxg", "")
            .Folder("/mnt/c/store").Folder("/home/me")
            .Mount("8:32", "/", "ext4", "/dev/sdc", "rw,discard,errors=remount-ro,data=ordered")
            .Mount("0:60", "/mnt/c", "9p", "C:\\134", "rw,dirsync,aname=drvfs;path=C:\\;uid=1000");
        machine.Trials.Libraries["libcuda.so.1"] = "/usr/lib/wsl/lib/libcuda.so.1";
        return machine;
    }

    private static RecordedMachine Linux(string release, string lockedBytes, bool isVirtual = true) => new RecordedMachine()
        .File("/proc/sys/kernel/osrelease", release + "\n")
        .File("/proc/cpuinfo", $"processor\t: 0\nmodel name\t: AMD EPYC 9654 96-Core Processor\nflags\t\t: fpu sse{(isVirtual ? " hypervisor" : "")}\nprocessor\t: 1\nmodel name\t: AMD EPYC 9654 96-Core Processor\n")
        .File("/proc/meminfo", "MemTotal:       65536000 kB\nMemFree:         1000000 kB\nMemAvailable:   60000000 kB\n")
        .File("/proc/self/limits", $"Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         {lockedBytes}              {lockedBytes}              bytes     \n")
        .File("/proc/self/status", "Name:\tteraio\nCapEff:\t00000000a80425fb\n")
        .File("/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "\u007fELF\0GLIBCXX_3.4\0GLIBCXX_3.4.9\0GLIBCXX_3.4.33\0GLIBCXX_FORCE_NEW\0");

    /// <summary>A bridge with an ACS capability behind another one.</summary>
    private static RecordedMachine Bridge(this RecordedMachine machine, string chain, string address, ushort acsControl)
    {
        byte[] configuration = new byte[4096];
        BitConverter.TryWriteBytes(configuration.AsSpan(0x100), 0x0001u | (1u << 16) | (0x148u << 20)); // advanced error reporting, then 0x148
        BitConverter.TryWriteBytes(configuration.AsSpan(0x148), 0x000Du | (1u << 16)); // ACS, the last one
        BitConverter.TryWriteBytes(configuration.AsSpan(0x148 + 6), acsControl);
        return machine.Pci(chain, address, ("class", "0x060400"), ("vendor", "0x1022")).Bytes($"/sys/devices/{chain}/{address}/config", configuration);
    }
}
