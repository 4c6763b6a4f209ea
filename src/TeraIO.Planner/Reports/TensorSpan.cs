namespace TeraIO.Planner.Reports;

/// <summary>A part of a tensor's life in one state.</summary>
/// <param name="Start">Second of the iteration at which it begins.</param>
/// <param name="End">Second at which it ends; not before <paramref name="Start"/>.</param>
/// <param name="State">Where the bytes are meanwhile.</param>
public readonly record struct TensorSpan(double Start, double End, TensorState State);
