using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Reports;

public sealed class LifetimeChartTests
{
    private static IReadOnlyList<TensorRow> Rows => LifetimeChart.Of(ReportFixture.Trace, ReportFixture.Plan, ReportFixture.Simulation, 10);

    [Test]
    public void A_written_tensor_leaves_is_away_and_comes_back()
    {
        TensorRow row = Rows.Single(static r => r.Tensor == ReportFixture.Activation);
        Assert.That(row.Alive, Is.EqualTo(new[] { new TensorSpan(0, 3.5, TensorState.Resident) }));
        Assert.That(row.Moves, Is.EqualTo(new[]
        {
            new TensorSpan(1, 1.5, TensorState.Leaving), new TensorSpan(1.5, 2, TensorState.Away), new TensorSpan(2, 2.5, TensorState.Returning),
        }));
        Assert.That(row.Uses, Is.EqualTo(new[] { 0, 2.5 }));
    }

    [Test]
    public void A_clean_tensor_is_away_from_its_drop_across_the_end_of_the_iteration()
    {
        TensorRow row = Rows.Single(static r => r.Tensor == ReportFixture.Weight);
        Assert.That(row.Moves, Is.EqualTo(new[] { new TensorSpan(0, 0.5, TensorState.Away), new TensorSpan(0.5, 0.75, TensorState.Returning) }));
    }

    [Test]
    public void A_life_that_crosses_the_end_of_the_iteration_is_two_spans()
    {
        TensorRow row = Rows.Single(static r => r.Tensor == ReportFixture.Gradient);
        Assert.That(row.Name, Is.EqualTo("tensor 2"));
        Assert.That(row.Alive, Is.EqualTo(new[] { new TensorSpan(0, 1, TensorState.Resident), new TensorSpan(3.5, 4.5, TensorState.Resident) }));
    }

    [Test]
    public void Of_many_tensors_alike_an_even_selection_is_shown()
    {
        var builder = new TraceBuilder(new TraceHeader("equal layers"));
        for (int i = 0; i < 100; i++) builder.AddTensor(new TraceTensor(i == 50 ? 99 : 8, TensorKind.Parameter, true));
        builder.AddOp(new TraceOp("op", 1));
        Assert.That(LifetimeChart.Largest(builder.Build(), 4), Is.EqualTo(new[] { 50, 0, 33, 67 }));
    }

    [Test]
    public void What_lives_long_comes_before_what_is_large_for_a_moment()
    {
        var builder = new TraceBuilder(new TraceHeader("two tensors"));
        int large = builder.AddTensor(new TraceTensor(100, TensorKind.Temporary, false));
        int lasting = builder.AddTensor(new TraceTensor(60, TensorKind.Activation, false));
        builder.AddOp(new TraceOp("makes both", 1));
        builder.Access(large, AccessKind.Create | AccessKind.Free);
        builder.Access(lasting, AccessKind.Create);
        builder.AddOp(new TraceOp("uses one", 1));
        builder.Access(lasting, AccessKind.Read | AccessKind.Free);
        Assert.That(LifetimeChart.Largest(builder.Build(), 1), Is.EqualTo(new[] { lasting }));
    }

    [FsCheck.NUnit.Property(MaxTest = 60)]
    public FsCheck.Property Spans_lie_within_the_iteration_and_do_not_end_before_they_begin() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), (int seed) =>
    {
        Trace trace = RandomTraces.Training(seed);
        var machine = RandomTraces.Machine(seed, trace);
        var plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.LeastRecentlyUsed, "on demand");
        SimulationResult simulation = Simulator.Run(trace, plan, machine, SimulationOptions.Default with { RecordTransfers = true });
        if (!simulation.Feasible) return;
        IReadOnlyList<TensorRow> rows = LifetimeChart.Of(trace, plan, simulation, 20);
        double slack = simulation.StepSeconds * 1e-9;
        foreach (TensorSpan span in rows.SelectMany(static r => r.Alive.Concat(r.Moves)))
        {
            Assert.That(span.Start, Is.InRange(-slack, simulation.StepSeconds + slack));
            Assert.That(span.End, Is.InRange(span.Start, simulation.StepSeconds + slack));
        }

        Assert.That(rows.Count, Is.LessThanOrEqualTo(20));
    });
}
