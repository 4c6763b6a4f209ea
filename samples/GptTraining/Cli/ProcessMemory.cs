using System.Globalization;

namespace TeraIO.Samples.GptTraining;

/// <summary>Memory of this process as the kernel counts it, in bytes.</summary>
internal static class ProcessMemory
{
    /// <summary>Highest resident set so far (VmHWM).</summary>
    public static long PeakResidentBytes() => Read("VmHWM:");

    /// <summary>Resident set now (VmRSS).</summary>
    public static long ResidentBytes() => Read("VmRSS:");

    private static long Read(string key)
    {
        foreach (var line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith(key, StringComparison.Ordinal))
                return 1024 * long.Parse(line.AsSpan(key.Length).Trim(" \tkB"), CultureInfo.InvariantCulture);
        }
        throw new PlatformNotSupportedException($"/proc/self/status has no {key}");
    }
}
