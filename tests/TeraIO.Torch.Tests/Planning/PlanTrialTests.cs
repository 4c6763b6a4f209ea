using TeraIO.Core.Plans;
using TeraIO.Torch.Planning;

namespace TeraIO.Torch.Tests.Planning;

/// <summary>Which of the plans that a session tries stays.</summary>
[TestFixture]
internal sealed class PlanTrialTests
{
    private const double Step = 1.0;

    [Test]
    public void A_plan_whose_steps_hardly_wait_stays() =>
        Assert.That(Judge(new PlanTrial(Plan("first"), transferSeconds: 0.5), 0.009), Is.EqualTo(TrialVerdict.Stays));

    [Test]
    public void A_plan_whose_steps_wait_may_be_bettered() =>
        Assert.That(Judge(new PlanTrial(Plan("first"), transferSeconds: 0), 0.011), Is.EqualTo(TrialVerdict.MayBeBettered));

    [Test]
    public void The_first_step_by_a_plan_does_not_count()
    {
        var trial = new PlanTrial(Plan("first"), transferSeconds: 0);

        Assert.That(Steps(trial, (Step, 0), (Step, 0.3), (Step, 0.2)), Is.EqualTo(new[] { TrialVerdict.GoesOn, TrialVerdict.GoesOn, TrialVerdict.MayBeBettered }));
    }

    [Test]
    public void A_plan_is_judged_once()
    {
        var trial = new PlanTrial(Plan("first"), transferSeconds: 0);
        _ = Judge(trial, 0.5);

        Assert.That(trial.Judge(Step, 0.5), Is.EqualTo(TrialVerdict.GoesOn));
    }

    [TestCase(0.30, TrialVerdict.GoesBack)]
    [TestCase(0.20, TrialVerdict.Stays, Description = "as good as the one before: not worth another move, nor another plan")]
    [TestCase(0.195, TrialVerdict.Stays)]
    [TestCase(0.10, TrialVerdict.MayBeBettered)]
    public void A_later_plan_is_held_against_the_one_before(double stallSeconds, TrialVerdict expected)
    {
        var first = new PlanTrial(Plan("first"), transferSeconds: 0.1);
        _ = Judge(first, 0.2);
        var second = new PlanTrial(Plan("second"), transferSeconds: 0.1, first);

        Assert.That((Judge(second, stallSeconds), second.Before!.Plan.TraceName), Is.EqualTo((expected, "first")));
    }

    [Test]
    public void Fewer_bytes_outweigh_a_little_waiting()
    {
        var first = new PlanTrial(Plan("first"), transferSeconds: 0.3);
        _ = Judge(first, 0.02);

        Assert.That(Judge(new PlanTrial(Plan("fewer"), transferSeconds: 0.2, first), 0.05), Is.EqualTo(TrialVerdict.MayBeBettered));
        Assert.That(Judge(new PlanTrial(Plan("more"), transferSeconds: 0.4, first), 0.01), Is.EqualTo(TrialVerdict.GoesBack));
    }

    [Test]
    public void A_machine_that_becomes_slower_sends_no_plan_away()
    {
        var first = new PlanTrial(Plan("first"), transferSeconds: 0.1);
        _ = Judge(first, 0.2);
        var second = new PlanTrial(Plan("second"), transferSeconds: 0.1, first);

        Assert.That(Steps(second, (2 * Step, 0.1), (2 * Step, 0.1), (2 * Step, 0.1))[^1], Is.EqualTo(TrialVerdict.MayBeBettered));
    }

    [Test]
    public void After_the_last_plan_the_search_ends()
    {
        PlanTrial? trial = null;
        for (int i = 0; i <= PlanTrial.MostReplans; i++)
        {
            trial = new PlanTrial(Plan($"{i}"), transferSeconds: 0, trial);
            Assert.That(Judge(trial, 1.0 / (1 + i)), Is.EqualTo(i < PlanTrial.MostReplans ? TrialVerdict.MayBeBettered : TrialVerdict.Stays));
        }
    }

    private static TrialVerdict Judge(PlanTrial trial, double stallSeconds) => Steps(trial, (Step, stallSeconds), (Step, stallSeconds), (Step, stallSeconds))[^1];

    private static TrialVerdict[] Steps(PlanTrial trial, params (double Step, double Stall)[] steps) => [.. steps.Select(step => trial.Judge(step.Step, step.Stall))];

    private static MigrationPlan Plan(string trace) => new() { Policy = "test", TraceName = trace, OpCount = 1, TensorCount = 0, MemoryBudget = 1 };
}
