using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace TeraIO.Cli.Options;

/// <summary>Floating-point operations per second.</summary>
/// <param name="PerSecond">Finite, more than 0.</param>
internal readonly record struct FlopRate(double PerSecond)
{
    public const string Form = "a rate such as 150TFLOP/s, 19.5T or 150e12";

    private const string Prefixes = "KMGTPE";

    /// <summary>Reads a number with an optional prefix and an optional <c>FLOP/s</c> or <c>FLOPS</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out FlopRate rate)
    {
        rate = default;
        if (string.IsNullOrWhiteSpace(text)) return false;
        ReadOnlySpan<char> number = text.AsSpan().Trim();
        foreach (string unit in (string[])["FLOP/s", "FLOPS"])
            if (number.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) number = number[..^unit.Length].TrimEnd();
        double factor = 1;
        if (number.Length > 0 && Prefixes.IndexOf(char.ToUpperInvariant(number[^1]), StringComparison.Ordinal) is >= 0 and var prefix)
        {
            factor = Math.Pow(1000, prefix + 1);
            number = number[..^1].TrimEnd();
        }

        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value)) return false;
        rate = new FlopRate(value * factor);
        return double.IsFinite(rate.PerSecond) && rate.PerSecond > 0;
    }
}
