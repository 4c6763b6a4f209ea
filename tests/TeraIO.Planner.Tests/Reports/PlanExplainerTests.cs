using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;

namespace TeraIO.Planner.Tests.Reports;

public sealed class PlanExplainerTests
{
    [Test]
    public void A_planned_move_names_its_ops_and_what_is_written()
    {
        PeriodExplanation period = new PlanExplainer(ReportFixture.Trace, ReportFixture.Plan, ReportFixture.Machine).Of(ReportFixture.Activation).Single();
        Assert.That(period.Reason, Is.EqualTo(StayReason.Moves));
        Assert.That((period.LeavesAfterOp, period.ReturnsBeforeOp, period.MovedBytes, period.WrittenBytes), Is.EqualTo(((int?)0, (int?)2, 200L, 200L)));
        Assert.That(period.IdleSeconds, Is.EqualTo(1));
    }

    [Test]
    public void A_clean_drop_across_the_end_of_the_iteration_belongs_to_the_period_that_it_lies_in()
    {
        IReadOnlyList<PeriodExplanation> periods = new PlanExplainer(ReportFixture.Trace, ReportFixture.Plan, ReportFixture.Machine).Of(ReportFixture.Weight);
        PeriodExplanation moves = periods.Single(static p => p.Reason == StayReason.Moves);
        Assert.That((moves.Period.StartOp, moves.Period.EndOp), Is.EqualTo((3, 1)));
        Assert.That((moves.LeavesAfterOp, moves.ReturnsBeforeOp, moves.WrittenBytes), Is.EqualTo(((int?)3, (int?)1, 0L)));
    }

    [Test]
    public void What_fits_need_not_move() => Assert.That(Reason(ReportFixture.Activation, 400, 400), Is.EqualTo(StayReason.EverythingFits));

    [Test]
    public void What_is_idle_for_less_than_the_round_trip_stays() => Assert.That(Reason(ReportFixture.Activation, 250, 100), Is.EqualTo(StayReason.TooShort));

    [Test]
    public void What_could_move_but_does_not_is_not_needed() => Assert.That(Reason(ReportFixture.Activation, 250, 4000), Is.EqualTo(StayReason.OthersMakeRoom));

    [Test]
    public void Without_a_machine_nothing_is_claimed() =>
        Assert.That(new PlanExplainer(ReportFixture.Trace, null, null).Of(ReportFixture.Activation).Single().Reason, Is.EqualTo(StayReason.Unknown));

    [Test]
    public void A_fixed_tensor_says_so()
    {
        var builder = new TraceBuilder(new TraceHeader("fixed"));
        int tensor = builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, true, IsMovable: false));
        builder.AddOp(new TraceOp("uses it", 1));
        builder.Access(tensor, AccessKind.Read);
        builder.AddOp(new TraceOp("does not", 1));
        Assert.That(new PlanExplainer(builder.Build(), null, ReportFixture.Machine).Of(tensor).Single().Reason, Is.EqualTo(StayReason.NotMovable));
    }

    private static StayReason Reason(int tensor, long budget, double bandwidth)
    {
        MachineModel machine = ReportFixture.Machine with { MemoryBudget = budget, Storage = new TierModel { ReadBandwidth = bandwidth, WriteBandwidth = bandwidth } };
        var plan = MigrationPlan.OnDemand(ReportFixture.Trace, budget, EvictionOrder.FarthestNextUse, "nothing moves");
        return new PlanExplainer(ReportFixture.Trace, plan, machine).Of(tensor).Single().Reason;
    }
}
