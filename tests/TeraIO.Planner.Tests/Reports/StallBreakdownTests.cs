using TeraIO.Core.Plans;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Tests.Reports;

public sealed class StallBreakdownTests
{
    [Test]
    public void A_late_prefetch_names_the_tensor_that_arrived_last()
    {
        StalledOp stall = StallBreakdown.Of(ReportFixture.Trace, ReportFixture.Simulation, 5).Longest.Single();
        Assert.That(stall, Is.EqualTo(new StalledOp(2, "backward", null, 2, 0.5, StallCause.LatePrefetch, ReportFixture.Activation)));
    }

    [Test]
    public void Waiting_for_room_names_the_tensor_that_left_last()
    {
        SimulationResult simulation = ReportFixture.Simulation with
        {
            StallPerOp = [0, 0, 1, 0],
            StallCausePerOp = [StallCause.None, StallCause.None, StallCause.NoRoom, StallCause.None],
        };
        Assert.That(StallBreakdown.Of(ReportFixture.Trace, simulation, 5).Longest.Single().WaitedFor, Is.EqualTo(ReportFixture.Activation));
    }

    [Test]
    public void Seconds_are_summed_by_cause_and_the_longest_come_first()
    {
        SimulationResult simulation = ReportFixture.Simulation with
        {
            StallPerOp = [0.1, 0.3, 0.5, 0.3],
            StallCausePerOp = [StallCause.NoRoom, StallCause.OnDemandRead, StallCause.NoRoom, StallCause.OnDemandRead],
        };
        var stalls = StallBreakdown.Of(ReportFixture.Trace, simulation, 3);
        Assert.That(stalls.SecondsByCause[StallCause.NoRoom], Is.EqualTo(0.6).Within(1e-12));
        Assert.That(stalls.SecondsByCause[StallCause.OnDemandRead], Is.EqualTo(0.6).Within(1e-12));
        Assert.That(stalls.Longest.Select(static s => s.Op), Is.EqualTo(new[] { 2, 1, 3 }));
        Assert.That(stalls.StalledOps, Is.EqualTo(4));
    }

    [Test]
    public void A_wait_before_the_first_op_lies_at_the_end_of_the_time_axis()
    {
        SimulationResult simulation = ReportFixture.Simulation with
        {
            StepSeconds = 4,
            StallPerOp = [1, 0, 0, 0],
            StallCausePerOp = [StallCause.NoRoom, StallCause.None, StallCause.None, StallCause.None],
        };
        Assert.That(StallSeries.Of(simulation, 4).SharePerCause[StallCause.NoRoom], Is.EqualTo(new[] { 0.0, 0, 0, 1 }));
    }
}
