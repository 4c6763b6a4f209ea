using TeraIO.Bounds.Linear;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds.Exact;

/// <summary>Where a plan issues a prefetch.</summary>
internal enum PrefetchPoint
{
    /// <summary>Where the schedule reads its first byte.</summary>
    FirstRead,

    /// <summary>Where the schedule takes the memory.</summary>
    Room,

    /// <summary>One op before <see cref="FirstRead"/>.</summary>
    OneEarlier,
}

/// <summary>Turns the solution of a <see cref="WholeTensorProgram"/> into a plan.</summary>
internal static class ScheduleReader
{
    public static MigrationPlan Read(Trace trace, MachineModel machine, WholeTensorProgram program, LinearSolution solution, PrefetchPoint point)
    {
        int ops = trace.Ops.Length;
        var migrations = new List<(PlannedMigration Migration, int Order)>();
        foreach (WholeTensorPeriod period in program.Periods)
        {
            int gone = FirstSet(period.Gone, solution);
            if (gone == period.Count) continue;
            int tensor = period.Period.Tensor;
            long bytes = trace.Tensors[tensor].Bytes;
            int write = FirstWriteWithin(program, period, solution);
            bool writes = !period.Period.IsNeverDirty;
            migrations.Add((new PlannedMigration(MigrationKind.Offload, tensor, 0, bytes, MemoryTier.Ssd, writes, EndBefore(write) % ops, (period.First + gone) / 2 % ops), write));
            if (period.Period.EndsInFree) continue;
            int back = FirstSet(period.Back, solution);
            int read = Array.FindIndex(period.Reads, variable => solution.Values[variable] > period.Bytes * 1e-6);
            if (read < 0) read = period.Reads.Length - 1;
            int first = period.First + (point == PrefetchPoint.Room ? Math.Min(read, back) : read);
            // A read between positions p and p + 1 is asked for before the op that begins at or after p.
            int issue = (first + 1) / 2 - (point == PrefetchPoint.OneEarlier ? 1 : 0);
            issue = Math.Max(issue, period.First / 2);
            migrations.Add((new PlannedMigration(MigrationKind.Prefetch, tensor, 0, bytes, MemoryTier.Ssd, false, issue % ops, period.Period.End / 2 % ops), first * 4096 + period.Count));
        }

        return MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.FarthestNextUse, ExactPlanResult.PolicyName) with
        {
            Migrations =
            [
                .. migrations.OrderBy(static m => m.Migration.IssueOp).ThenBy(static m => m.Migration.Kind == MigrationKind.Offload).ThenBy(static m => m.Order)
                    .Select(static m => m.Migration),
            ],
        };
    }

    /// <summary>Where the write begins if it is within the period; the period's start otherwise.</summary>
    private static int FirstWriteWithin(WholeTensorProgram program, WholeTensorPeriod period, LinearSolution solution)
    {
        if (program.FirstWrite(period, solution) is not { } position) return period.Period.Start;
        return position > period.Period.Start && position < period.Period.End ? position : period.Period.Start;
    }

    /// <summary>The op at whose end a transfer is issued that moves after the position.</summary>
    private static int EndBefore(int position) => (position - 1) / 2;

    private static int FirstSet(int[] variables, LinearSolution solution)
    {
        int index = Array.FindIndex(variables, variable => solution.Values[variable] > 0.5);
        return index < 0 ? variables.Length : index;
    }
}
