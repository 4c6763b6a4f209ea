using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Planning;

public sealed class MigrationPlannerPropertyTests
{
    /// <summary>Little effort: the promises do not depend on it.</summary>
    private static readonly PlannerOptions _quick = new() { EffortMegaOps = 0.01 };

    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    [FsCheck.NUnit.Property(MaxTest = 40)]
    public Property A_plan_never_takes_more_memory_than_the_budget() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        PolicyResult result = MigrationPlanner.Plan(trace, machine, _quick);

        Assert.That(result.Simulation.Feasible, Is.EqualTo(Simulator.Run(trace, OnDemand(trace, machine), machine).Feasible));
        Assert.That(result.Simulation.PeakBytes, Is.LessThanOrEqualTo(machine.MemoryBudget));
    });

    [FsCheck.NUnit.Property(MaxTest = 40)]
    public Property A_plan_is_never_slower_than_any_other_policy_by_more_than_one_percent() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        PolicyResult result = MigrationPlanner.Plan(trace, machine, _quick);
        if (!result.Simulation.Feasible) return;
        foreach (IMigrationPolicy policy in Policies.Policies.All)
        {
            if (policy is PlannedPolicy or UnlimitedPolicy) continue;
            double other = policy.Plan(trace, machine).Simulation.StepSeconds;
            Assert.That(result.Simulation.StepSeconds, Is.LessThanOrEqualTo(other * 1.01 + 1e-9), policy.Name);
        }
    });

    [FsCheck.NUnit.Property(MaxTest = 30)]
    public Property The_same_input_gives_the_same_plan() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);

        PolicyResult first = MigrationPlanner.Plan(trace, machine, _quick);
        PolicyResult second = MigrationPlanner.Plan(trace, machine, _quick);

        Assert.That(second.Plan.Migrations, Is.EqualTo(first.Plan.Migrations));
    });

    [FsCheck.NUnit.Property(MaxTest = 40)]
    public Property Migrations_are_in_order_and_move_whole_idle_tensors_only() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        MigrationPlan plan = MigrationPlanner.Plan(trace, machine, _quick with { TryOtherPolicies = false }).Plan;
        TraceLifetimes lifetimes = TraceLifetimes.Of(trace);
        PlannedMigration before = default(PlannedMigration) with { IssueOp = -1 };
        foreach (PlannedMigration migration in plan.Migrations)
        {
            Assert.That((migration.IssueOp, migration.Kind == MigrationKind.Offload), Is.GreaterThanOrEqualTo((before.IssueOp, before.Kind == MigrationKind.Offload)));
            before = migration;
            TraceTensor tensor = trace.Tensors[migration.Tensor];
            Assert.That(tensor.IsMovable, Is.True);
            Assert.That((migration.Offset, migration.Bytes), Is.EqualTo((0L, tensor.Bytes)));
            TensorLifetime life = lifetimes.Tensors[migration.Tensor];
            InactivePeriod[] periods = lifetimes.Periods.Slice(life.FirstPeriod, life.PeriodCount).ToArray();
            bool isInside = migration.Kind == MigrationKind.Offload
                ? periods.Any(p => p.StartOp == migration.IssueOp)
                : periods.Any(p => p.EndOp == migration.DeadlineOp && Ahead(p.StartOp, migration.IssueOp, trace) is >= 2 and var at && at <= p.IdleOps + 1);
            Assert.That(isInside, Is.True, migration.ToString());
        }
    });

    [FsCheck.NUnit.Property(MaxTest = 25)]
    public Property Every_prefetch_has_its_offload() => Prop.ForAll(Seeds, seed =>
    {
        (Trace trace, MachineModel machine) = Case(seed);
        MigrationPlan plan = MigrationPlanner.Plan(trace, machine, _quick with { TryOtherPolicies = false }).Plan;
        var offloads = plan.Migrations.Where(static m => m.Kind == MigrationKind.Offload).Select(static m => m.Tensor).ToHashSet();

        Assert.That(plan.Migrations.Where(static m => m.Kind == MigrationKind.Prefetch).All(m => offloads.Contains(m.Tensor)), Is.True);
    });

    private static int Ahead(int from, int to, Trace trace) => to > from ? to - from : to - from + trace.Ops.Length;

    private static MigrationPlan OnDemand(Trace trace, MachineModel machine) =>
        MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.FarthestNextUse, "on-demand");

    private static (Trace Trace, MachineModel Machine) Case(int seed)
    {
        Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
        return (trace, RandomTraces.Machine(seed, trace));
    }
}
