namespace TeraIO.Planner.Reports;

/// <summary>What no plan can beat on a machine.</summary>
/// <param name="StepSeconds">Least seconds of an iteration.</param>
/// <param name="BytesRead">Least bytes read back per iteration.</param>
/// <param name="BytesWritten">Least bytes written per iteration.</param>
public sealed record BoundFigures(double StepSeconds, double BytesRead, double BytesWritten);
