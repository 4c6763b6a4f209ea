namespace TeraIO.Cli.Doctor.Checks;

/// <summary>The storage library and the kernel interfaces it works through, all tried.</summary>
internal static class StorageLibraryChecks
{
    private const string Switch = "/proc/sys/kernel/io_uring_disabled";

    public static ReportSection Run(Machine machine) => new("Storage", [Library(machine), Uring(machine), .. LimitChecks.Run(machine)]);

    /// <summary>Worker threads need nothing but the library: where they do not work, it is missing.</summary>
    private static Finding Library(Machine machine)
    {
        BackendTrial threads = machine.Backend(BackendTrial.Threads);
        return threads.Works
            ? Finding.Green("tio_gds_shim", "loads, worker threads work", "queue of libtio_gds_shim.so")
            : Finding.Red("tio_gds_shim", threads.Reason, "Build it with './build.sh build', or name its directory in TERAIO_NATIVE_DIR.", "libtio_gds_shim.so");
    }

    private static Finding Uring(Machine machine)
    {
        const string Name = "io_uring";
        FileText setting = machine.Files.Read(Switch);
        string[] sources = setting.Text is null ? ["queue of libtio_gds_shim.so"] : ["queue of libtio_gds_shim.so", Switch];
        BackendTrial uring = machine.Backend(BackendTrial.Uring);
        if (uring.Works) return Finding.Green(Name, "permitted, a ring was set up", sources);
        if (!machine.Backend(BackendTrial.Threads).Works) return Finding.NotApplicable(Name, "cannot be tried without tio_gds_shim", sources);
        string remedy = setting.Trimmed switch
        {
            "2" => "An administrator switched it off: 'sysctl kernel.io_uring_disabled=0'.",
            "1" => "It is for one group only: add this user to the group in 'sysctl kernel.io_uring_group', or 'sysctl kernel.io_uring_disabled=0'.",
            _ => "In a container allow io_uring_setup, io_uring_enter and io_uring_register in its seccomp profile (docker: --security-opt seccomp=FILE). Without it worker threads are used.",
        };
        return Finding.Yellow(Name, $"refused: {uring.Reason}", remedy, sources);
    }
}
