using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Planning;

namespace TeraIO.Cli.Planning;

/// <summary>The trace that a plan speaks of: a policy may have changed the order of the ops, and then its plan numbers them in the new order.</summary>
internal static class PlannedTrace
{
    /// <summary>The given trace, or its vertical order when the plan was made for that.</summary>
    public static Trace Of(MigrationPlan plan, Trace trace)
    {
        if (plan.TraceName == trace.Header.Name) return trace;
        Trace vertical = VerticalOrder.Apply(trace);
        return vertical.Header.Name == plan.TraceName ? vertical : trace;
    }
}
