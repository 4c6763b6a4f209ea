using TeraIO.Cli.Doctor;
using TeraIO.Cli.Doctor.Checks;

namespace TeraIO.Hardware.Tests;

/// <summary>The directory on real hardware that tests may use, or the reason why there is none.</summary>
internal static class HardwareStore
{
    private const string Variable = "TERAIO_STORE";

    /// <summary>A directory on a block device with O_DIRECT; the calling test is skipped where there is none.</summary>
    public static string Require()
    {
        string? path = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(path)) Assert.Ignore($"{Variable} names no directory on a disk to test.");
        Machine machine = Machine.Live();
        string canonical = machine.Files.Canonical(Path.GetFullPath(path!));
        Mount? mount = machine.Mounts.Of(canonical);
        if (mount is null || BlockDevice.Behind(machine.Files, mount) is not { } device) Assert.Ignore($"{path} lies on {mount?.Type ?? "an unknown file system"}, which has no block device.");
        else if (device.Transport is "ram") Assert.Ignore($"{path} lies on {device.Name}, which is memory.");
        DirectIoTrial trial = machine.Trials.DirectIo(path!);
        if (!trial.Works) Assert.Ignore($"{path} has no direct I/O: {trial.Reason}");
        return path!;
    }
}
