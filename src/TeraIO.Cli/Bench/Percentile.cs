namespace TeraIO.Cli.Bench;

internal static class Percentile
{
    /// <summary>The value that a share of all values does not pass; 0 when there are none. Sorts the list.</summary>
    public static double Of(List<double> values, double share)
    {
        if (values.Count == 0) return 0;
        values.Sort();
        return values[Math.Min(values.Count - 1, (int)(share * values.Count))];
    }
}
