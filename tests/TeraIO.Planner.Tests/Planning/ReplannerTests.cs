using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Tests.Planning;

public sealed class ReplannerTests
{
    private static readonly Trace _trace = PlannerCases.Layers(12);
    private static readonly MachineModel _machine = PlannerCases.Machine(budget: 1_700, bandwidth: 100);

    [Test]
    public void A_step_without_stalls_needs_no_other_plan()
    {
        PolicyResult current = MigrationPlanner.Plan(_trace, _machine);

        Assert.That(current.Simulation.StallSeconds, Is.Zero.Within(1e-9));
        Assert.That(Replanner.Replan(_trace, _machine, current.Plan, current.Simulation.StepSeconds), Is.Null);
    }

    [Test]
    public void A_step_that_waited_shows_how_slow_the_path_is()
    {
        MigrationPlan plan = MigrationPlanner.Plan(_trace, _machine).Plan;
        MachineModel real = PlannerCases.Machine(_machine.MemoryBudget, bandwidth: 100.0 / 4);
        double measured = Simulator.Run(_trace, plan, real).StepSeconds;
        Assert.That(measured, Is.GreaterThan(1.05 * _trace.IdealSeconds));

        MachineModel fitted = Replanner.FitPaths(_trace, _machine, plan, measured);

        Assert.That(Simulator.Run(_trace, plan, fitted).StepSeconds, Is.EqualTo(measured).Within(2).Percent);
    }

    [Test]
    public void A_bad_plan_is_replaced_by_a_better_one()
    {
        MigrationPlan onDemand = MigrationPlan.OnDemand(_trace, _machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, "bad");
        double measured = Simulator.Run(_trace, onDemand, _machine).StepSeconds;

        PolicyResult? better = Replanner.Replan(_trace, _machine, onDemand, measured);

        Assert.That(better, Is.Not.Null);
        Assert.That(better!.Simulation.StepSeconds, Is.LessThan(measured));
    }
}
