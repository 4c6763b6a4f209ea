using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;
using All = TeraIO.Planner.Policies.Policies;

namespace TeraIO.Planner.Tests.PublishedPolicies;

[TestFixture]
public class PoliciesTests
{
    private static readonly string[] _published = ["unlimited", "on-demand-lru", "on-demand-belady", "zero-infinity", "ssdtrain", "g10", "teraio"];

    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    [Test]
    public void Every_published_policy_is_there_once()
    {
        Assert.That(All.All.Select(static p => p.Name), Is.SupersetOf(_published).And.Unique);
        Assert.That(All.All.Select(static p => p.Description), Has.All.EndsWith("."));
    }

    [Test]
    public void Names_are_found_in_whatever_case() => Assert.That(All.Named("TeraIO").Name, Is.EqualTo("teraio"));

    [Test]
    public void An_unknown_name_is_answered_with_all_names() =>
        Assert.That(static () => All.Named("terraio"), Throws.TypeOf<ConfigurationException>().With.Message.Contains("'terraio'").And.Message.Contains("zero-infinity"));

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property Every_policy_keeps_the_budget_on_any_trace() => Prop.ForAll(Seeds, seed =>
    {
        Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
        MachineModel machine = RandomTraces.Machine(seed, trace);
        foreach (string name in _published)
        {
            PolicyResult result = All.Named(name).Plan(trace, machine);
            Assert.That(result.Simulation.Feasible, Is.True, $"{name}: {result.Simulation.InfeasibleReason}");
            Assert.That(result.Simulation.StepSeconds, Is.GreaterThanOrEqualTo(trace.IdealSeconds * (1 - 1e-9)), name);
            if (name != "unlimited") Assert.That(result.Simulation.PeakBytes, Is.LessThanOrEqualTo(machine.MemoryBudget), name);
            else Assert.That(result.Simulation.StepSeconds, Is.EqualTo(trace.IdealSeconds).Within(1e-9 * trace.IdealSeconds));
            CheckForm(trace, result.Plan, name);
            Assert.That(Simulator.Run(trace, result.Plan, name == "unlimited" ? machine with { MemoryBudget = long.MaxValue } : machine).StepSeconds, Is.EqualTo(result.Plan.PredictedStepSeconds), name);
        }
    });

    [Test]
    public void A_budget_below_the_largest_working_set_is_refused_by_every_policy()
    {
        Trace trace = RandomTraces.Training(5);
        MachineModel machine = RandomTraces.Machine(5, trace) with { MemoryBudget = Footprint.SmallestBudget(trace) - 1 };
        foreach (string name in _published.Where(static n => n != "unlimited"))
        {
            PolicyResult result = All.Named(name).Plan(trace, machine);
            Assert.That(result.Simulation.Feasible, Is.False, name);
            Assert.That(result.Plan.Migrations, Is.Empty, name);
        }
    }

    [Test]
    public void With_memory_for_everything_no_policy_moves_anything()
    {
        Trace trace = RandomTraces.Training(6);
        MachineModel machine = RandomTraces.Machine(6, trace) with { MemoryBudget = Footprint.Peak(trace) * 2 };
        foreach (string name in _published) Assert.That(All.Named(name).Plan(trace, machine).Plan.Migrations, Is.Empty, name);
    }

    [Test]
    public void Planning_can_be_cancelled()
    {
        Trace trace = RandomTraces.Training(7);
        MachineModel machine = RandomTraces.Machine(7, trace) with { MemoryBudget = Footprint.SmallestBudget(trace) };
        foreach (string name in new[] { "unlimited", "on-demand-lru", "zero-infinity", "ssdtrain" })
            Assert.That(() => All.Named(name).Plan(trace, machine, cancellation: new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>(), name);
    }

    private static void CheckForm(Trace trace, MigrationPlan plan, string name)
    {
        int issue = 0;
        foreach (PlannedMigration m in plan.Migrations)
        {
            int op = m.IssueOp * 2 + (m.Kind is MigrationKind.Offload ? 1 : 0);
            Assert.That(op, Is.GreaterThanOrEqualTo(issue), $"{name}: order");
            issue = op;
            Assert.That(trace.Tensors[m.Tensor].IsMovable, Is.True, $"{name}: tensor {m.Tensor} cannot move");
            Assert.That(m.Bytes, Is.EqualTo(trace.Tensors[m.Tensor].Bytes), name);
            Assert.That(m.DeadlineOp, Is.InRange(0, trace.Ops.Length - 1), name);
        }
    }
}
