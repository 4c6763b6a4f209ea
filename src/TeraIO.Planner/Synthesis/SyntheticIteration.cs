using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>A synthetic trace with the work behind its durations. Immutable.</summary>
/// <param name="Trace">The trace.</param>
/// <param name="Costs">FLOP and bytes of each op of <paramref name="Trace"/>.</param>
public sealed record SyntheticIteration(Trace Trace, IReadOnlyList<OpCost> Costs)
{
    /// <summary>FLOP of all products of the iteration.</summary>
    public double Flops => Costs.Sum(static c => c.Flops);
}
