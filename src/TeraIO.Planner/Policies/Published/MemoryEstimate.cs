using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>Bytes in memory per op when nothing moves.</summary>
internal static class MemoryEstimate
{
    /// <summary>Whether the budget is too small for any plan, or nothing need move.</summary>
    public static bool LeavesNothingToPlan(SimulationContext context, long budget) =>
        context.WhyInfeasible(budget) is not null || PerOp(context).Max() <= budget;

    /// <summary>The baseline, all that lives, and the workspace. What is movable and never used is left out: it leaves once and for all.</summary>
    public static long[] PerOp(SimulationContext context)
    {
        int ops = context.OpCount;
        var change = new long[ops + 1];
        long live = context.BaselineBytes;
        for (int tensor = 0; tensor < context.TensorCount; tensor++)
        {
            if (context.FirstUse[tensor] == ops && context.IsMovable[tensor]) continue;
            if (context.IsLiveAtStart[tensor]) live += context.Bytes[tensor];
            if (context.CreateOp[tensor] < 0) continue;
            change[context.CreateOp[tensor]] += context.Bytes[tensor];
            change[context.FreeOp[tensor] + 1] -= context.Bytes[tensor];
        }

        var memory = new long[ops];
        for (int op = 0; op < ops; op++)
        {
            live += change[op];
            memory[op] = live + context.Workspace[op];
        }

        return memory;
    }
}
