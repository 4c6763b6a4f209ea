using System.Text.RegularExpressions;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>The loaded NVIDIA kernel driver.</summary>
/// <param name="Version">Such as 565.57.01; null when its text holds none.</param>
/// <param name="VersionText">As it is written.</param>
/// <param name="IsOpen">The open kernel modules, which PCI P2PDMA needs.</param>
internal sealed partial record NvidiaDriver(Version? Version, string VersionText, bool IsOpen)
{
    public const string VersionFile = "/proc/driver/nvidia/version";

    /// <summary>What /proc says; null when no driver is loaded or its file cannot be read.</summary>
    public static NvidiaDriver? Of(MachineFiles files)
    {
        string first = files.Read(VersionFile).Lines.FirstOrDefault("");
        if (!first.Contains("NVRM", StringComparison.Ordinal)) return null;
        Match match = Number().Match(first);
        return new NvidiaDriver(Versions.Of(match.Value), match.Success ? match.Value : "unknown version", first.Contains("Open Kernel Module", StringComparison.OrdinalIgnoreCase));
    }

    // Three digits in front keep "x86_64" and compiler versions out.
    [GeneratedRegex(@"\b\d{3,4}\.\d{1,4}(\.\d{1,4})?\b")]
    private static partial Regex Number();
}
