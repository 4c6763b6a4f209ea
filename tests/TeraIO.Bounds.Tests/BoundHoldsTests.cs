using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Bounds.Tests;

/// <summary>What makes a bound a bound: nothing that the simulator does is faster or moves less.</summary>
public class BoundHoldsTests
{
    private const double Tolerance = 1e-6;
    private const int Seeds = 120;

    /// <summary>These change what is computed or when: other rules, other bounds.</summary>
    private static IEnumerable<IMigrationPolicy> PoliciesOfTheSameRules =>
        Policies.All.Where(static policy => policy.Name != "unlimited" && !policy.Name.Contains("recompute") && !policy.Name.Contains("vertical"));

    [Test]
    public void No_policy_beats_the_bound_on_random_training([Range(0, 2)] int part)
    {
        for (int seed = part * Seeds / 3; seed < (part + 1) * Seeds / 3; seed++) CheckPolicies(seed, RandomTraces.Training(seed));
    }

    [Test]
    public void No_policy_beats_the_bound_on_arbitrary_traces([Range(0, 2)] int part)
    {
        for (int seed = part * Seeds / 3; seed < (part + 1) * Seeds / 3; seed++) CheckPolicies(seed, RandomTraces.Arbitrary(seed));
    }

    [Test]
    public void No_plan_without_sense_beats_the_bound()
    {
        for (int seed = 0; seed < 2 * Seeds; seed++)
        {
            Trace trace = seed % 2 == 0 ? RandomTraces.Arbitrary(seed) : RandomTraces.Training(seed);
            MachineModel machine = RandomTraces.Machine(seed, trace);
            MigrationPlan plan = RandomPlans.Garbage(seed, trace, machine.MemoryBudget);
            plan = plan with { Migrations = [.. plan.Migrations.Where(static m => m.Kind is MigrationKind.Offload or MigrationKind.Prefetch)] };
            Check(seed, "a random plan", LowerBound.Compute(trace, machine), Simulator.Run(trace, plan, machine, new SimulationOptions { MostIterations = 30 }));
        }
    }

    private static void CheckPolicies(int seed, Trace trace)
    {
        MachineModel machine = RandomTraces.Machine(seed, trace);
        LowerBoundResult bound = LowerBound.Compute(trace, machine);
        Assert.That(bound.SolverStatus, Is.EqualTo("OPTIMAL"), $"seed {seed}");
        foreach (IMigrationPolicy policy in PoliciesOfTheSameRules) Check(seed, policy.Name, bound, policy.Plan(trace, machine).Simulation);
    }

    private static void Check(int seed, string name, LowerBoundResult bound, SimulationResult simulation)
    {
        string what = $"seed {seed}, {name}";
        // A budget that every op fits can still be too small for tiers with little space: only the bound's "no" binds.
        if (!bound.Feasible) Assert.That(simulation.Feasible, Is.False, what);
        if (!simulation.Feasible || !simulation.IsSteady) return;
        Assert.That(simulation.StepSeconds, Is.GreaterThanOrEqualTo(bound.StepSeconds * (1 - Tolerance)), what);
        Assert.That(simulation.BytesRead, Is.GreaterThanOrEqualTo(bound.BytesRead), what);
        Assert.That(simulation.BytesWritten, Is.GreaterThanOrEqualTo(bound.BytesWritten), what);
        Assert.That(simulation.BytesRead + simulation.BytesWritten, Is.GreaterThanOrEqualTo(bound.BytesMoved), what);
    }
}
