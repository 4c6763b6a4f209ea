using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Plans;

/// <summary>
/// The rules that a plan keeps. A plan that breaks one never makes an execution wrong (see <see cref="MigrationPlan"/>), but it says something that
/// cannot be meant.
/// </summary>
public static class PlanValidation
{
    /// <summary>Offset and size of a part stay below, so that their sum never overflows.</summary>
    private const long MostBytes = 1L << 56;

    /// <summary>Twice a number of ops still is an int.</summary>
    private const int MostOps = 1 << 30;

    /// <summary>Checks a plan against nothing but itself.</summary>
    /// <exception cref="TraceFormatException">It contradicts itself; the message names the migration and the rule.</exception>
    public static void Check(MigrationPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Policy is null || plan.TraceName is null || plan.Migrations is null) throw Fault("The plan's policy, traceName or migrations is null.");
        if (plan.OpCount is < 1 or > MostOps) throw Fault($"opCount is {plan.OpCount}; a trace has at least one op and at most {MostOps}.");
        if (plan.TensorCount < 0) throw Fault($"tensorCount is {plan.TensorCount}; it must not be negative.");
        if (plan.MemoryBudget < 0) throw Fault($"memoryBudget is {plan.MemoryBudget}; it must not be negative.");
        if (plan.EvictionOrder is < EvictionOrder.LeastRecentlyUsed or > EvictionOrder.FarthestNextUse) throw Fault($"evictionOrder is {plan.EvictionOrder}, which does not exist.");
        if (!double.IsFinite(plan.PredictedStepSeconds) || plan.PredictedStepSeconds < 0) throw Fault($"predictedStepSeconds is {plan.PredictedStepSeconds}; it must be a number that is not negative.");
        int lastSlot = -1;
        for (int i = 0; i < plan.Migrations.Count; i++)
        {
            PlannedMigration migration = plan.Migrations[i];
            CheckMigration(plan, i, migration);
            int slot = Slot(migration);
            if (slot < lastSlot)
            {
                throw Fault($"Migration {i} ({Shown(migration)}) comes after one that is issued later; order them by issueOp, of one op first prefetches and recomputations, then offloads and discards.");
            }

            lastSlot = slot;
        }
    }

    /// <summary>Checks a plan against itself and against the trace that it is meant for.</summary>
    /// <exception cref="TraceFormatException">It contradicts itself or the trace, or is for another one.</exception>
    public static void Check(MigrationPlan plan, Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        Check(plan);
        if (plan.OpCount != trace.Ops.Length || plan.TensorCount != trace.Tensors.Length || plan.TraceName != trace.Header.Name)
        {
            throw Fault($"The plan is for the trace \"{plan.TraceName}\" with {plan.OpCount} ops and {plan.TensorCount} tensors, not for \"{trace.Header.Name}\" with {trace.Ops.Length} ops and {trace.Tensors.Length} tensors; make a plan for this one.");
        }

        new PlanTraceCheck(plan, trace).Run();
    }

    /// <summary>Place on the step's time axis: before op i is 2i, after it 2i + 1.</summary>
    internal static int Slot(in PlannedMigration migration) => (migration.IssueOp * 2) + (Leaves(migration) ? 1 : 0);

    /// <summary>Whether bytes leave memory.</summary>
    internal static bool Leaves(in PlannedMigration migration) => migration.Kind is MigrationKind.Offload or MigrationKind.Discard;

    /// <summary>A migration for a message.</summary>
    internal static string Shown(in PlannedMigration migration) =>
        $"{migration.Kind.ToString().ToLowerInvariant()} of tensor {migration.Tensor} {(Leaves(migration) ? "after" : "before")} op {migration.IssueOp}";

    private static void CheckMigration(MigrationPlan plan, int index, in PlannedMigration migration)
    {
        string what = $"Migration {index} ({Shown(migration)})";
        if (migration.Kind is < MigrationKind.Offload or > MigrationKind.Recompute) throw Fault($"{what} has kind {migration.Kind}, which does not exist.");
        if (migration.Tier is < MemoryTier.Ssd or > MemoryTier.Host) throw Fault($"{what} has tier {migration.Tier}, which does not exist.");
        if ((uint)migration.Tensor >= (uint)plan.TensorCount) throw Fault($"{what} names tensor {migration.Tensor}; the plan is for {plan.TensorCount}, counted from 0.");
        if ((uint)migration.IssueOp >= (uint)plan.OpCount) throw Fault($"{what} has issueOp {migration.IssueOp}; the plan is for {plan.OpCount} ops, counted from 0.");
        if ((uint)migration.DeadlineOp >= (uint)plan.OpCount) throw Fault($"{what} has deadlineOp {migration.DeadlineOp}; the plan is for {plan.OpCount} ops, counted from 0.");
        if (migration.Offset is < 0 or > MostBytes) throw Fault($"{what} has offset {migration.Offset}; it must lie within the tensor.");
        if (migration.Bytes is < 1 or > MostBytes) throw Fault($"{what} has {migration.Bytes} bytes; it must move at least 1 and at most the tensor.");
        if (migration.Writes && migration.Kind != MigrationKind.Offload) throw Fault($"{what} has writes = true; only an offload writes.");
    }

    internal static TraceFormatException Fault(string message) => new(MessageText.Plain(message));
}
