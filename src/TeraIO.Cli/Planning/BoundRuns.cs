using TeraIO.Bounds;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Planning;

/// <summary>Lower bounds for tables and reports.</summary>
internal static class BoundRuns
{
    /// <summary>The bound, or null where the budget is too small for an op.</summary>
    public static BoundFigures? Figures(Trace trace, MachineModel machine)
    {
        LowerBoundResult bound = LowerBound.Compute(trace, machine);
        return bound.Feasible ? new BoundFigures(bound.StepSeconds, bound.BytesRead, bound.BytesWritten) : null;
    }
}
