using TeraIO.Bounds.Exact;
using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Bounds.Tests.Exact;

public class ExactPlanTests
{
    private const AccessKind Create = AccessKind.Create, Read = AccessKind.Read, Free = AccessKind.Free;
    private const double Tolerance = 1e-4; // SCIP's relative gap

    [Test]
    public void A_whole_tensor_leaves_even_if_half_of_it_would_do()
    {
        var iteration = new Iteration();
        int kept = iteration.Transient(100), other = iteration.Transient(100);
        Trace trace = iteration.Op((kept, Create)).Op((other, Create | Free)).Op((kept, Read | Free)).Build();
        ExactPlanResult exact = ExactPlan.Solve(trace, Iteration.Machine(150, read: 25, write: 50));
        Assert.Multiple(() =>
        {
            // 100 bytes out take 2 s and back 4 s, with nothing to hide behind.
            Assert.That(exact.BoundSeconds, Is.EqualTo(9).Within(9 * Tolerance));
            Assert.That(exact.ModelSeconds, Is.EqualTo(9).Within(9 * Tolerance));
            Assert.That(exact.IsOptimal);
            Assert.That(exact.Plan!.Simulation.StepSeconds, Is.EqualTo(9).Within(9 * Tolerance));
            Assert.That(exact.Plan.Plan.Migrations, Is.EqualTo(new PlannedMigration[]
            {
                new(MigrationKind.Offload, kept, 0, 100, MemoryTier.Ssd, Writes: true, IssueOp: 0, DeadlineOp: 1),
                new(MigrationKind.Prefetch, kept, 0, 100, MemoryTier.Ssd, Writes: false, IssueOp: 2, DeadlineOp: 2),
            }));
        });
    }

    [Test]
    public void The_tensor_that_costs_least_leaves()
    {
        // Either of two would make room for op 1. The small one must be written first (2 s) and read (0.4 s); of the big one the store holds the bytes (read: 1 s).
        var iteration = new Iteration();
        int small = iteration.Transient(40), big = iteration.Persistent(100), other = iteration.Transient(100);
        Trace trace = iteration.Op((small, Create), (big, Read)).Op((other, Create | Free)).Op((small, Read | Free), (big, Read)).Build();
        ExactPlanResult exact = ExactPlan.Solve(trace, Iteration.Machine(200, read: 100, write: 20));
        Assert.Multiple(() =>
        {
            Assert.That(exact.BoundSeconds, Is.EqualTo(4).Within(4 * Tolerance));
            Assert.That(exact.Plan!.Simulation.StepSeconds, Is.EqualTo(4).Within(4 * Tolerance));
            Assert.That(exact.Plan.Plan.Migrations.Select(static m => m.Tensor), Is.All.EqualTo(big));
            Assert.That(exact.Plan.Simulation.BytesWritten, Is.Zero);
        });
    }

    [Test]
    public void A_budget_that_no_op_order_can_meet_is_said_so()
    {
        var iteration = new Iteration();
        int big = iteration.Transient(100);
        ExactPlanResult exact = ExactPlan.Solve(iteration.Op((big, Create | Free)).Build(), Iteration.Machine(99, 1, 1));
        Assert.That(exact.Feasible, Is.False);
        Assert.That(exact.Reason, Does.Contain("100 bytes"));
    }

    [Test]
    public void Large_instances_and_host_tiers_are_refused()
    {
        Trace trace = LayeredTrace.Create(layers: 40);
        MachineModel machine = Iteration.Machine(10_000, 1, 1);
        Assert.Multiple(() =>
        {
            Assert.Throws<ConfigurationException>(() => ExactPlan.Solve(trace, machine));
            Assert.Throws<ConfigurationException>(() => ExactPlan.Solve(LayeredTrace.Create(1), machine with { Host = machine.Storage }));
        });
    }

    [Test]
    public void Nothing_that_moves_whole_tensors_beats_the_exact_bound_and_its_plan_keeps_the_budget()
    {
        int solved = 0;
        for (int seed = 0; seed < 80; seed++)
        {
            Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
            MachineModel machine = RandomTraces.Machine(seed, trace) with { Host = null };
            if (ExactPlan.CountDecisions(trace, machine) is < 1 or > 400) continue;
            ExactPlanResult exact = ExactPlan.Solve(trace, machine);
            if (exact.Plan is null) continue;
            solved++;
            Assert.Multiple(() =>
            {
                Assert.That(exact.BoundSeconds, Is.GreaterThanOrEqualTo(LowerBound.Compute(trace, machine).StepSeconds * (1 - Tolerance)), $"seed {seed}: whole tensors against chunks");
                Assert.That(exact.ModelSeconds, Is.GreaterThanOrEqualTo(exact.BoundSeconds * (1 - Tolerance)), $"seed {seed}");
                Assert.That(exact.Plan.Simulation.PeakBytes, Is.LessThanOrEqualTo(machine.MemoryBudget), $"seed {seed}");
                CheckAgainst(seed, trace, exact, exact.Plan);
                foreach (IMigrationPolicy policy in Policies.All)
                    if (policy.Name != "unlimited") CheckAgainst(seed, trace, exact, policy.Plan(trace, machine));
            });
        }

        Assert.That(solved, Is.GreaterThan(20));
    }

    private static void CheckAgainst(int seed, Trace trace, ExactPlanResult exact, PolicyResult policy)
    {
        SimulationResult simulation = policy.Simulation;
        bool isOfTheSameRules = policy.Plan.Migrations.All(m => m.Kind is MigrationKind.Offload or MigrationKind.Prefetch) && !policy.Plan.Policy.Contains("vertical");
        bool isWhole = policy.Plan.Migrations.All(m => m.Bytes == trace.Tensors[m.Tensor].Bytes);
        if (!simulation.Feasible || !simulation.IsSteady || !isOfTheSameRules || !isWhole) return;
        Assert.That(simulation.StepSeconds, Is.GreaterThanOrEqualTo(exact.BoundSeconds * (1 - Tolerance)), $"seed {seed}, {policy.Plan.Policy}");
    }
}
