using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Reports;

public sealed class HtmlReportTests
{
    private static IterationReport Report => IterationReport.Of(ReportFixture.Trace, ReportFixture.Plan, ReportFixture.Simulation, ReportFixture.Machine) with
    {
        Bound = new BoundFigures(4.2, 250, 150),
        Endurance = EnduranceFigures.Of(200, 4.5, 4, 1e12),
        Comparison =
        [
            ComparisonRow.Of("by hand", ReportFixture.Machine, ReportFixture.Simulation, 4, 365, 4.2),
            ComparisonRow.Of("too big", ReportFixture.Machine, new SimulationResult { Feasible = false, InfeasibleReason = "op 2 needs <more>" }, 4, 365, 4.2),
        ],
    };

    [Test]
    public void The_page_is_well_formed_and_names_nothing_outside_itself()
    {
        string page = HtmlReport.ToText(Report);
        Assert.That(() => XDocument.Parse(page["<!DOCTYPE html>".Length..]), Throws.Nothing);
        Assert.That(Regex.IsMatch(page, @"https?:|src\s*=|href\s*=|@import|url\((?!#)", RegexOptions.IgnoreCase), Is.False);
    }

    [Test]
    public void Names_from_the_trace_stay_text()
    {
        XElement html = XDocument.Parse(HtmlReport.ToText(Report)["<!DOCTYPE html>".Length..]).Root!;
        Assert.That(html.Descendants("h1").Single().Value, Is.EqualTo("fixture <&> \"quoted\" {{js}}"));
        Assert.That(html.Descendants("title").Single().Value, Does.StartWith("fixture <&>"));
        Assert.That(html.Descendants("script").Count(), Is.EqualTo(2));
        Assert.That(html.Descendants("td").Any(static d => d.Value == "</script><b>activation"), Is.True);
    }

    [Test]
    public void The_tables_show_causes_bounds_policies_and_wear()
    {
        XElement html = XDocument.Parse(HtmlReport.ToText(Report)["<!DOCTYPE html>".Length..]).Root!;
        string text = html.Element("body")!.Element("main")!.Value;
        Assert.That(text, Does.Contain("late prefetch: 500 ms"));
        Assert.That(text, Does.Contain("Gap to the lower bound").And.Contain("4.20 s"));
        Assert.That(text, Does.Contain("does not fit: op 2 needs <more>"));
        Assert.That(text, Does.Contain("Written per token").And.Contain("50 B"));
    }

    [Test]
    public void The_chart_data_is_json_with_the_series_of_the_simulation()
    {
        XElement html = XDocument.Parse(HtmlReport.ToText(Report)["<!DOCTYPE html>".Length..]).Root!;
        string json = html.Descendants("script").Single(static s => (string?)s.Attribute("id") == "report-data").Value;
        JsonElement data = JsonDocument.Parse(json).RootElement;
        Assert.That(data.GetProperty("memory").GetProperty("with").GetProperty("v").EnumerateArray().Select(static v => v.GetDouble()), Is.EqualTo(new double[] { 240, 140, 240, 150 }));
        Assert.That(data.GetProperty("memory").GetProperty("without").GetProperty("v").EnumerateArray().Select(static v => v.GetDouble()), Is.EqualTo(new double[] { 365, 310, 310, 160 }));
        Assert.That(data.GetProperty("budget").GetInt64(), Is.EqualTo(250));
        Assert.That(data.GetProperty("paths").GetArrayLength(), Is.EqualTo(2));
        Assert.That(data.GetProperty("lifetimes").GetArrayLength(), Is.EqualTo(3));
    }

    [Test]
    public void A_long_iteration_still_gives_a_small_page()
    {
        Trace trace = RandomTraces.Training(1, layers: 50, opsPerLayer: 20, microBatches: 2);
        MachineModel machine = RandomTraces.Machine(1, trace);
        var plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.FarthestNextUse, "on demand");
        SimulationResult simulation = Simulator.Run(trace, plan, machine, SimulationOptions.Default with { RecordTransfers = true });
        string page = HtmlReport.ToText(IterationReport.Of(trace, plan, simulation, machine));
        Assert.That(trace.Ops.Length, Is.GreaterThan(4_500));
        Assert.That(page.Length, Is.LessThan(600_000));
    }

    [Test]
    public void An_infeasible_simulation_has_no_report() => Assert.That(
        () => IterationReport.Of(ReportFixture.Trace, ReportFixture.Plan, new SimulationResult { Feasible = false, InfeasibleReason = "op 2 is too large" }, ReportFixture.Machine),
        Throws.ArgumentException.With.Message.Contains("op 2 is too large"));
}
