using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>A memory budget as a user writes it: bytes, or a share of the unlimited peak.</summary>
/// <param name="Bytes">The amount, or null for a share.</param>
/// <param name="Share">0 to 1, or null for an amount.</param>
internal readonly record struct BudgetChoice(ByteSize? Bytes, double? Share)
{
    /// <summary>Reads "40%" or "2GiB".</summary>
    /// <exception cref="ConfigurationException">The text is neither.</exception>
    public static BudgetChoice Parse(string text)
    {
        var trimmed = text.Trim();
        if (trimmed.EndsWith('%'))
        {
            return double.TryParse(trimmed.AsSpan(0, trimmed.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
                && percent is > 0 and <= 100
                ? new BudgetChoice(null, percent / 100)
                : throw new ConfigurationException($"--budget '{text}' is not a percentage between 0 and 100.");
        }
        return ByteSize.TryParse(trimmed, out var size) && size.Bytes > 0
            ? new BudgetChoice(size, null)
            : throw new ConfigurationException($"--budget '{text}' is neither a size (2GiB, 512MiB) nor a percentage of the unlimited peak (40%).");
    }

    /// <inheritdoc/>
    public override string ToString() => Bytes?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"{100 * Share} %");

    /// <summary>The amount, given the peak that a share refers to.</summary>
    public ByteSize Resolve(ByteSize? unlimitedPeak) => Bytes
        ?? new ByteSize((long)(Share!.Value * (unlimitedPeak ?? throw new InvalidOperationException("A share needs the unlimited peak.")).Bytes));
}
