using TeraIO.Bounds.Exact;
using TeraIO.PlanQuality;

namespace TeraIO.Bounds.Tests;

/// <summary>The aims of docs/benchmarks/plan-quality.md on a few traces; <c>bench/plan-quality.sh</c> has the thousand.</summary>
public class PlanQualityTests
{
    private const int Traces = 40;
    private static readonly ExactPlanOptions _exact = new() { TimeLimit = TimeSpan.FromSeconds(20), MaxBinaries = 250 };
    private QualityReport _report = null!;

    [OneTimeSetUp]
    public void Measure() => _report = new QualityReport([.. Enumerable.Range(0, Traces).Select(static seed => QualityCase.Run(seed, _exact))]);

    [Test]
    public void No_policy_goes_over_the_budget() => Assert.That(_report.OverBudget.Select(static o => $"{o.Policy}, seed {o.Case.Seed}"), Is.Empty);

    [Test]
    public void Planned_loses_to_no_baseline_by_more_than_one_percent() =>
        Assert.That(_report.Lost.Select(static c => $"seed {c.Seed}: {c.OverBaseline:F3} of {c.BestBaseline?.Name}"), Is.Empty);

    [Test]
    public void Planned_is_near_what_no_whole_tensor_plan_can_beat()
    {
        Assert.That(_report.OverExact.Count, Is.GreaterThan(Traces / 5));
        Assert.That(_report.OverExact.Percentile(0), Is.GreaterThan(1 - 1e-4), "a plan that beats the bound");
        Assert.That(_report.OverExact.Median, Is.LessThanOrEqualTo(QualityReport.MostMedianOverExact));
    }

    [Test]
    public void The_report_names_every_policy_and_every_aim()
    {
        string text = _report.ToMarkdown();
        Assert.That(text, Does.Contain("| planned |").And.Contain("| on-demand-lru |").And.Contain($"0 times over, in {Traces} traces"));
    }

    [TestCase(0, 1)]
    [TestCase(25, 1)]
    [TestCase(50, 2)]
    [TestCase(76, 4)]
    [TestCase(100, 4)]
    public void Percentiles_are_values_of_the_set(double percent, double value) => Assert.That(new Distribution([3, 1, 2, 4]).Percentile(percent), Is.EqualTo(value));
}
