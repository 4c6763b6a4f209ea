using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Cli.Options;

/// <summary>A memory budget as a user writes it: bytes, or a share of the trace's unlimited peak.</summary>
/// <param name="Text">As written.</param>
/// <param name="Bytes">The amount, or null for a share.</param>
/// <param name="Share">More than 0, at most 1, or null for an amount.</param>
internal sealed record Budget(string Text, long? Bytes, double? Share)
{
    public const string Form = "a size such as 24GiB, or a percentage of the unlimited peak such as 40% (more than 0, at most 100)";

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Budget? budget)
    {
        budget = null;
        if (string.IsNullOrWhiteSpace(text)) return false;
        string trimmed = text.Trim();
        if (trimmed.EndsWith('%'))
        {
            if (!double.TryParse(trimmed.AsSpan(0, trimmed.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent) || percent is not (> 0 and <= 100)) return false;
            budget = new Budget(trimmed, null, percent / 100);
            return true;
        }

        if (!ByteSize.TryParse(trimmed, out ByteSize size) || size.Bytes <= 0) return false;
        budget = new Budget(trimmed, size.Bytes, null);
        return true;
    }

    /// <summary>Bytes, for a trace with this peak.</summary>
    public long Resolve(long unlimitedPeak) => Bytes ?? (long)(Share!.Value * unlimitedPeak);
}
