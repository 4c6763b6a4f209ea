using System.Globalization;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Reports;

/// <summary>Numbers as people read them, with units, the same on every machine whatever its culture.</summary>
public static class Figures
{
    /// <summary>Three significant digits and the fitting unit: <c>1.23 s</c>, <c>45.6 ms</c>, <c>7.00 µs</c>.</summary>
    public static string Seconds(double seconds)
    {
        double magnitude = Math.Abs(seconds);
        return magnitude switch
        {
            0 => "0 s",
            < 999.5e-9 => Digits(seconds * 1e9) + " ns",
            < 999.5e-6 => Digits(seconds * 1e6) + " µs",
            < 999.5e-3 => Digits(seconds * 1e3) + " ms",
            _ => Digits(seconds) + " s",
        };
    }

    /// <summary>Three significant digits and the fitting binary unit: <c>1.50 GiB</c>, <c>131 MiB</c>, <c>512 B</c>.</summary>
    public static string Bytes(double bytes) => Math.Abs(bytes) switch
    {
        >= 1L << 40 => Digits(bytes / (1L << 40)) + " TiB",
        >= 1L << 30 => Digits(bytes / (1L << 30)) + " GiB",
        >= 1L << 20 => Digits(bytes / (1L << 20)) + " MiB",
        >= 1L << 10 => Digits(bytes / (1L << 10)) + " KiB",
        _ => Math.Round(bytes).ToString("0", CultureInfo.InvariantCulture) + " B",
    };

    /// <summary>Bytes per second in decimal units, as vendors give them: <c>3.20 GB/s</c>.</summary>
    public static string Rate(double bytesPerSecond) => bytesPerSecond switch
    {
        >= 999.5e9 => Digits(bytesPerSecond / 1e12) + " TB/s",
        >= 999.5e6 => Digits(bytesPerSecond / 1e9) + " GB/s",
        >= 999.5e3 => Digits(bytesPerSecond / 1e6) + " MB/s",
        >= 999.5 => Digits(bytesPerSecond / 1e3) + " KB/s",
        _ => Digits(bytesPerSecond) + " B/s",
    };

    /// <summary>A share such as 0.953 as <c>95.3 %</c>.</summary>
    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.0} %");

    /// <summary>A count with thousands separated: <c>100,000</c>.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>The cause in words.</summary>
    public static string Cause(StallCause cause) => cause switch
    {
        StallCause.LatePrefetch => "late prefetch",
        StallCause.OnDemandRead => "on-demand read",
        StallCause.NoRoom => "no room",
        _ => "none",
    };

    /// <summary>The kind in words.</summary>
    public static string Kind(TensorKind kind) => kind switch
    {
        TensorKind.Parameter => "parameter",
        TensorKind.Gradient => "gradient",
        TensorKind.OptimizerState => "optimizer state",
        TensorKind.Activation => "activation",
        TensorKind.Temporary => "temporary",
        TensorKind.Input => "input",
        _ => "unknown",
    };

    /// <summary>The tensor's own name, or its number where it has none.</summary>
    public static string Name(TraceTensor tensor, int index)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return string.IsNullOrEmpty(tensor.Name) ? string.Create(CultureInfo.InvariantCulture, $"tensor {index}") : tensor.Name;
    }

    private static string Digits(double value) => Math.Abs(value) switch
    {
        >= 999.5 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 99.95 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 9.995 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}
