namespace TeraIO.Studies;

/// <summary>Median and range of some figures, at least one.</summary>
internal sealed class Spread(IEnumerable<double> figures)
{
    private readonly double[] _sorted = [.. figures.Order()];

    public double Least => _sorted[0];

    public double Median => (_sorted[(_sorted.Length - 1) / 2] + _sorted[_sorted.Length / 2]) / 2;

    public double Most => _sorted[^1];

    /// <summary>The median, in brackets the range.</summary>
    public string Format(Func<double, string> format) => $"{format(Median)} ({format(Least)} to {format(Most)})";
}
