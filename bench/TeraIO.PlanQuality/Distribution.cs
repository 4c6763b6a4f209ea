using System.Globalization;

namespace TeraIO.PlanQuality;

/// <summary>Percentiles of some ratios; not a number when there are none.</summary>
public sealed class Distribution(IEnumerable<double> values)
{
    private readonly double[] _sorted = [.. values.Order()];

    public int Count => _sorted.Length;

    public double Median => Percentile(50);

    /// <summary>The smallest value that so many percent of all do not exceed.</summary>
    public double Percentile(double percent) =>
        _sorted.Length == 0 ? double.NaN : _sorted[Math.Clamp((int)Math.Ceiling(percent / 100 * _sorted.Length) - 1, 0, _sorted.Length - 1)];

    /// <summary>Cells of a table row.</summary>
    public override string ToString() => string.Join(
        " | ", new[] { Count.ToString(CultureInfo.InvariantCulture) }.Concat(new double[] { 0, 10, 50, 75, 90, 99, 100 }.Select(percent => Cell(Percentile(percent)))));

    public static string Cell(double ratio) => double.IsNaN(ratio) ? "" : double.IsInfinity(ratio) ? "none" : ratio.ToString("F3", CultureInfo.InvariantCulture);

    /// <summary>Head of the table.</summary>
    public const string Header = "traces | least | 10 % | median | 75 % | 90 % | 99 % | most";
}
