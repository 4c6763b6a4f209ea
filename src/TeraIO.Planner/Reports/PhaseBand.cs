using TeraIO.Core.Tracing;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>Ops one after another that belong to the same part of the iteration.</summary>
/// <param name="Phase">Forward, backward or update.</param>
/// <param name="Start">Second at which the first of them begins.</param>
/// <param name="End">Second at which the last of them ends.</param>
public readonly record struct PhaseBand(OpPhase Phase, double Start, double End)
{
    /// <summary>The bands of an iteration, in order; none when there are more than <paramref name="most"/>, which no chart can show.</summary>
    public static IReadOnlyList<PhaseBand> Of(Trace trace, SimulationResult simulation, int most)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(simulation);
        var bands = new List<PhaseBand>();
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            if (bands.Count > 0 && bands[^1].Phase == trace.Ops[op].Phase)
                bands[^1] = bands[^1] with { End = simulation.OpEnd[op] };
            else
                bands.Add(new PhaseBand(trace.Ops[op].Phase, simulation.OpStart[op], simulation.OpEnd[op]));
            if (bands.Count > most) return [];
        }

        return bands;
    }
}
