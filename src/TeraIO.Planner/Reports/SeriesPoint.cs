namespace TeraIO.Planner.Reports;

/// <summary>A value that holds from a moment until the next point.</summary>
/// <param name="Seconds">From when on, counted from the start of the iteration.</param>
/// <param name="Value">The value, in the unit of its series.</param>
public readonly record struct SeriesPoint(double Seconds, double Value);
