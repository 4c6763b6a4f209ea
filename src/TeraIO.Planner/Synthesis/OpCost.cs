namespace TeraIO.Planner.Synthesis;

/// <summary>What an op of a synthetic trace costs.</summary>
/// <param name="Flops">Multiplications and additions of its products; element-wise arithmetic is not counted.</param>
/// <param name="Bytes">Bytes that it reads from and writes to device memory.</param>
public readonly record struct OpCost(double Flops, double Bytes);
