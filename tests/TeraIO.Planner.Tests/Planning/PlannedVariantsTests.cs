using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Planning;

public sealed class PlannedVariantsTests
{
    [TestCase("planned-chunks")]
    [TestCase("planned-recompute")]
    [TestCase("planned-vertical")]
    public void A_variant_is_never_slower_than_planned(string name)
    {
        for (int seed = 0; seed < 8; seed++)
        {
            Trace trace = RandomTraces.Training(seed);
            MachineModel machine = RandomTraces.Machine(seed, trace);
            double planned = Policies.Policies.Named("planned").Plan(trace, machine).Simulation.StepSeconds;
            PolicyResult variant = Policies.Policies.Named(name).Plan(trace, machine);

            Assert.That(variant.Simulation.StepSeconds, Is.LessThanOrEqualTo(planned * (1 + 1e-9)), $"seed {seed}");
            Assert.That(variant.Simulation.PeakBytes, Is.LessThanOrEqualTo(machine.MemoryBudget), $"seed {seed}");
            Assert.That(variant.Plan.Policy, Is.EqualTo(name));
        }
    }

    [Test]
    public void Chunks_cover_their_tensors_exactly()
    {
        Trace trace = RandomTraces.Training(5);
        var chunks = TensorChunks.Cut(trace, chunkBytes: 100_000, mostChunks: 8);

        Assert.That(chunks.Trace.Tensors.Length, Is.GreaterThan(trace.Tensors.Length));
        Assert.That(TraceLifetimes.Of(chunks.Trace).LiveBytes.ToArray(), Is.EqualTo(TraceLifetimes.Of(trace).LiveBytes.ToArray()));
    }

    [Test]
    public void A_plan_of_chunks_means_the_same_for_the_whole_tensors()
    {
        Trace trace = RandomTraces.Training(7);
        MachineModel machine = RandomTraces.Machine(7, trace) with { Host = null };
        var chunks = TensorChunks.Cut(trace, machine.MemoryBudget / 64, mostChunks: 8);
        PolicyResult ofChunks = MigrationPlanner.Plan(chunks.Trace, machine, new PlannerOptions { TryOtherPolicies = false });
        SimulationResult restored = Simulator.Run(trace, chunks.Restore(ofChunks.Plan), machine);

        Assert.That(restored.BytesRead, Is.EqualTo(ofChunks.Simulation.BytesRead).Within(10).Percent);
        Assert.That(restored.StepSeconds, Is.EqualTo(ofChunks.Simulation.StepSeconds).Within(5).Percent);
    }

    [Test]
    public void An_activation_that_is_cheap_to_compute_is_computed_again()
    {
        // A large activation per layer, made in no time, and a slow disk.
        Trace trace = PlannerCases.Layers(6, seconds: 0.1, activationBytes: 1_000);
        MachineModel machine = PlannerCases.Machine(budget: 4_000, bandwidth: 2_000);
        double planned = Policies.Policies.Named("planned").Plan(trace, machine).Simulation.StepSeconds;
        PolicyResult recompute = Policies.Policies.Named("planned-recompute").Plan(trace, machine);

        Assert.That(recompute.Simulation.StepSeconds, Is.LessThan(0.95 * planned));
        Assert.That(recompute.Plan.Migrations.Any(static m => m.Kind == MigrationKind.Recompute), Is.True);
        Assert.That(recompute.Simulation.RecomputeSeconds, Is.Positive);
    }

    [Test]
    public void Vertical_order_passes_a_layer_with_all_micro_batches_and_keeps_every_dependence()
    {
        Trace trace = PlannerCases.Layers(4, microBatches: 3);
        Trace vertical = VerticalOrder.Apply(trace);

        var order = new List<string>();
        foreach (ref readonly TraceOp op in vertical.Ops) order.Add($"{op.Name[0]}{op.Module![^1]}{op.MicroBatch}");
        Assert.That(string.Join(' ', order), Is.EqualTo(
            "f00 f01 f02 f10 f11 f12 f20 f21 f22 f30 f31 f32 b30 b31 b32 b20 b21 b22 b10 b11 b12 b00 b01 b02"));
        Assert.That(vertical.IdealSeconds, Is.EqualTo(trace.IdealSeconds).Within(1e-9));
    }

    [Test]
    public void Vertical_order_wins_where_weights_are_what_moves()
    {
        // Small activations: the weights of 16 layers have to come four times in horizontal order and twice in vertical order.
        Trace trace = PlannerCases.Layers(16, microBatches: 4, seconds: 0.1, activationBytes: 1);
        MachineModel machine = PlannerCases.Machine(budget: 700, bandwidth: 300);
        double planned = Policies.Policies.Named("planned").Plan(trace, machine).Simulation.StepSeconds;
        PolicyResult vertical = Policies.Policies.Named("planned-vertical").Plan(trace, machine);

        Assert.That(vertical.Simulation.StepSeconds, Is.LessThan(0.75 * planned));
        Assert.That(vertical.Plan.TraceName, Does.EndWith("(vertical)"));
    }

    [Test]
    public void One_micro_batch_has_no_other_order() =>
        Assert.That(VerticalOrder.Apply(PlannerCases.Layers(4)), Is.Not.Null.And.Property("Header").Property("Name").EqualTo("4 layers"));

    [Test]
    public void Random_traces_stay_valid_in_vertical_order()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
            Assert.That(VerticalOrder.Apply(trace).Accesses.Length, Is.EqualTo(trace.Accesses.Length), $"seed {seed}");
        }
    }
}
