using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Planning;

public sealed class MigrationPlannerTests
{
    [Test]
    public void What_fits_is_left_alone()
    {
        PolicyResult result = MigrationPlanner.Plan(PlannerCases.Layers(8), PlannerCases.Machine(budget: 1_600, bandwidth: 1_000));

        Assert.That(result.Plan.Migrations, Is.Empty);
        Assert.That(result.Simulation.StepSeconds, Is.EqualTo(16));
    }

    [Test]
    public void With_time_enough_no_op_waits_and_no_more_moves_than_must()
    {
        // Peak 1,600; 300 too many. Weights need no write, so three of them are the cheapest.
        PolicyResult result = MigrationPlanner.Plan(PlannerCases.Layers(8), PlannerCases.Machine(budget: 1_300, bandwidth: 1_000));

        Assert.Multiple(() =>
        {
            Assert.That(result.Simulation.StepSeconds, Is.EqualTo(16).Within(1e-9));
            Assert.That(result.Simulation.BytesWritten, Is.Zero);
            Assert.That(result.Simulation.BytesRead, Is.EqualTo(300));
            Assert.That(result.Simulation.UnplannedMigrations, Is.Zero);
        });
    }

    [Test]
    public void A_budget_below_the_working_set_is_infeasible_with_a_reason()
    {
        PolicyResult result = MigrationPlanner.Plan(PlannerCases.Layers(4), PlannerCases.Machine(budget: 150, bandwidth: 1_000));

        Assert.That(result.Simulation.Feasible, Is.False);
        Assert.That(result.Simulation.InfeasibleReason, Is.Not.Null.And.Not.Empty);
        Assert.That(result.Plan.Migrations, Is.Empty);
    }

    [Test]
    public void Where_a_stall_cannot_be_avoided_the_path_is_busy_all_the_time()
    {
        // 10 bytes per second. Memory has room for a weight again when op 8 has ended (second 9); from then on three of them come back, one after the
        // other, and the last op runs when the last one is there.
        PolicyResult result = MigrationPlanner.Plan(PlannerCases.Layers(8), PlannerCases.Machine(budget: 1_300, bandwidth: 10));

        Assert.That(result.Simulation.StepSeconds, Is.EqualTo(9 + 3 * 10 + 1).Within(1e-6));
    }

    [Test]
    public void A_cap_on_writes_is_kept_where_a_plan_can_keep_it()
    {
        Trace trace = RandomTraces.Training(seed: 11, layers: 6, opsPerLayer: 2, microBatches: 2);
        MachineModel machine = RandomTraces.Machine(11, trace) with { Host = null };
        long free = MigrationPlanner.Plan(trace, machine).Simulation.BytesWritten;
        long least = MigrationPlanner.Plan(trace, machine, new PlannerOptions { MaxBytesWritten = 0 }).Simulation.BytesWritten;
        long cap = (free + least) / 2;

        Assert.That(least, Is.LessThanOrEqualTo(free));
        Assert.That(MigrationPlanner.Plan(trace, machine, new PlannerOptions { MaxBytesWritten = cap }).Simulation.BytesWritten, Is.LessThanOrEqualTo(cap));
    }

    [Test]
    public void Host_memory_beside_the_disk_shortens_a_step_that_waits()
    {
        Trace trace = PlannerCases.Layers(8);
        MachineModel disk = PlannerCases.Machine(budget: 1_100, bandwidth: 15);
        MachineModel both = disk with { Host = new TierModel { ReadBandwidth = 15, WriteBandwidth = 15, Capacity = 400 } };
        SimulationResult withHost = MigrationPlanner.Plan(trace, both).Simulation;

        Assert.That(withHost.StepSeconds, Is.LessThan(0.8 * MigrationPlanner.Plan(trace, disk).Simulation.StepSeconds));
        Assert.That(withHost.HostBytesRead, Is.Positive);
        Assert.That(MigrationPlanner.Plan(trace, both, new PlannerOptions { UseHost = false }).Plan.Migrations.All(static m => m.Tier == MemoryTier.Ssd), Is.True);
    }

    [Test]
    public void It_stops_when_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();

        Assert.That(
            () => MigrationPlanner.Plan(PlannerCases.Layers(8), PlannerCases.Machine(1_300, 10), cancellation: cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Options_that_make_no_sense_are_refused_by_name()
    {
        PlannerOptions[] bad =
        [
            new() { LeadMargin = -1 }, new() { LeadMargin = double.NaN }, new() { EffortMegaOps = -1 }, new() { TimeLimit = TimeSpan.Zero },
            new() { MaxBytesWritten = -1 }, new() { Policy = " " },
        ];
        string[] names = ["LeadMargin", "LeadMargin", "EffortMegaOps", "TimeLimit", "MaxBytesWritten", "Policy"];
        for (int i = 0; i < bad.Length; i++) Assert.That(bad[i].Validate, Throws.TypeOf<ConfigurationException>().With.Message.Contains(names[i]));
    }
}
