using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace TeraIO.Core;

/// <summary>
/// A number of bytes. Exact, immutable, invariant in text: <c>1.50 GiB</c> whatever the machine's culture is.
/// </summary>
/// <param name="Bytes">The count in bytes; differences of two sizes may be negative.</param>
public readonly record struct ByteSize(long Bytes) : IComparable<ByteSize>
{
    private static readonly (string Suffix, long Factor)[] _units =
    [
        // Longest suffixes first: "KiB" ends in "B" too.
        ("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000), ("B", 1),
    ];

    /// <summary>No bytes.</summary>
    public static ByteSize Zero => default;

    /// <summary><paramref name="kibibytes"/> times 1024 bytes.</summary>
    public static ByteSize FromKiB(double kibibytes) => FromUnits(kibibytes, 1L << 10);

    /// <summary><paramref name="mebibytes"/> times 1024² bytes.</summary>
    public static ByteSize FromMiB(double mebibytes) => FromUnits(mebibytes, 1L << 20);

    /// <summary><paramref name="gibibytes"/> times 1024³ bytes.</summary>
    public static ByteSize FromGiB(double gibibytes) => FromUnits(gibibytes, 1L << 30);

    /// <summary>
    /// Reads <c>2GiB</c>, <c>512 MiB</c>, <c>1.5GB</c> or <c>4096</c>. KiB, MiB, GiB, TiB are powers of 1024;
    /// KB, MB, GB, TB powers of 1000; no unit means bytes. Letter case does not matter. A fraction of a byte is rounded.
    /// </summary>
    /// <exception cref="FormatException">The text is not a size.</exception>
    public static ByteSize Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out var size)
            ? size
            : throw new FormatException($"'{text}' is not a size. Write a number with a unit, such as 2GiB, 512 MiB, 1.5GB or 4096 (bytes).");
    }

    /// <summary><see cref="Parse"/> without the exception; <see langword="false"/> also for negative and too large sizes.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ByteSize size)
    {
        size = default;
        if (string.IsNullOrWhiteSpace(text))
            return false;
        var number = text.AsSpan().Trim();
        long factor = 1;
        foreach (var (suffix, unitBytes) in _units)
        {
            if (!number.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                continue;
            factor = unitBytes;
            number = number[..^suffix.Length].TrimEnd();
            break;
        }
        // decimal: 0.1 GiB has an exact product, and 2^63 - 1 survives the way through text.
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
            || count > long.MaxValue / (decimal)factor)
            return false;
        size = new ByteSize((long)decimal.Round(count * factor));
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(ByteSize other) => Bytes.CompareTo(other.Bytes);

    /// <summary>The size in the largest binary unit that leaves at least one of it: <c>512 B</c>, <c>1.50 GiB</c>.</summary>
    public override string ToString()
    {
        var magnitude = Math.Abs((double)Bytes);
        foreach (var (suffix, factor) in _units.AsSpan(0, 4))
        {
            if (magnitude >= factor)
                return string.Create(CultureInfo.InvariantCulture, $"{Bytes / (double)factor:0.00} {suffix}");
        }
        return string.Create(CultureInfo.InvariantCulture, $"{Bytes} B");
    }

    /// <summary>Sum; overflow throws <see cref="OverflowException"/>.</summary>
    public static ByteSize operator +(ByteSize left, ByteSize right) => new(checked(left.Bytes + right.Bytes));

    /// <summary>Difference; overflow throws <see cref="OverflowException"/>.</summary>
    public static ByteSize operator -(ByteSize left, ByteSize right) => new(checked(left.Bytes - right.Bytes));

    /// <summary>Compares the counts of bytes.</summary>
    public static bool operator <(ByteSize left, ByteSize right) => left.Bytes < right.Bytes;

    /// <summary>Compares the counts of bytes.</summary>
    public static bool operator >(ByteSize left, ByteSize right) => left.Bytes > right.Bytes;

    /// <summary>Compares the counts of bytes.</summary>
    public static bool operator <=(ByteSize left, ByteSize right) => left.Bytes <= right.Bytes;

    /// <summary>Compares the counts of bytes.</summary>
    public static bool operator >=(ByteSize left, ByteSize right) => left.Bytes >= right.Bytes;

    private static ByteSize FromUnits(double count, long factor) => new(checked((long)Math.Round(count * factor)));
}
