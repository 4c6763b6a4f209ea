using System.Diagnostics.CodeAnalysis;
using TeraIO.Core;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Options;

/// <summary>Bytes per second.</summary>
/// <param name="BytesPerSecond">Finite, more than 0.</param>
internal readonly record struct ByteRate(double BytesPerSecond)
{
    public const string Form = "a rate such as 3.2GB/s, 800MB/s or 1.5GiB/s";

    /// <summary>Reads <c>3.2GB/s</c>: a size as <see cref="ByteSize.Parse"/> reads it, then <c>/s</c> or <c>ps</c>, which may be left out.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ByteRate rate)
    {
        rate = default;
        if (string.IsNullOrWhiteSpace(text)) return false;
        string size = text.Trim();
        if (size.EndsWith("/s", StringComparison.OrdinalIgnoreCase)) size = size[..^2];
        else if (size.EndsWith("Bps", StringComparison.Ordinal)) size = size[..^2];
        if (!ByteSize.TryParse(size, out ByteSize bytes) || bytes.Bytes <= 0) return false;
        rate = new ByteRate(bytes.Bytes);
        return true;
    }

    public override string ToString() => Figures.Rate(BytesPerSecond);
}
