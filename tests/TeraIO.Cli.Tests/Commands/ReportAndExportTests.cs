using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace TeraIO.Cli.Tests.Commands;

public sealed class ReportAndExportTests : CliFixture
{
    [Test]
    public void The_report_is_one_page_that_stands_alone()
    {
        JsonElement result = Json(["report", "-t", TraceFile, "--budget", "40%", "--tbw", "600TB", "-o", Path("page.html"), .. Machine]);
        string page = File.ReadAllText(Path("page.html"));
        Assert.That(result.GetProperty("fileBytes").GetInt64(), Is.EqualTo(new FileInfo(Path("page.html")).Length));
        Assert.That(() => XDocument.Parse(page["<!DOCTYPE html>".Length..]), Throws.Nothing);
        Assert.That(Regex.IsMatch(page, @"https?:|src\s*=|href\s*=|@import", RegexOptions.IgnoreCase), Is.False);
        Assert.That(page, Does.Contain("Policies compared").And.Contain("Gap to the lower bound").And.Contain("Days until the rating"));
        Assert.That(result.GetProperty("comparison").GetArrayLength(), Is.GreaterThanOrEqualTo(2));
        Assert.That(result.GetProperty("bound").GetProperty("stepSeconds").GetDouble(), Is.LessThanOrEqualTo(result.GetProperty("summary").GetProperty("stepSeconds").GetDouble() * (1 + 1e-6)));
    }

    [Test]
    public void The_report_of_a_plan_file_can_leave_out_bounds_and_policies()
    {
        Run(["plan", "-t", TraceFile, "--budget", "40%", .. Machine]);
        (int code, string output, string error) = Run(
            ["report", "-t", TraceFile, "-p", Path("small.plan.json"), "--policies", "none", "--no-bounds", "-o", Path("page.html"), .. Machine]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("page.html"));
        Assert.That(File.ReadAllText(Path("page.html")), Does.Not.Contain("Policies compared").And.Not.Contain("Gap to the lower bound"));
    }

    [Test]
    public void The_export_is_json_for_perfetto()
    {
        JsonElement result = Json(["export", "--perfetto", "-t", TraceFile, "--policy", "on-demand-lru", "--budget", "40%", "-o", Path("t.json"), .. Machine]);
        JsonElement[] events = [.. JsonDocument.Parse(File.ReadAllText(Path("t.json"))).RootElement.GetProperty("traceEvents").EnumerateArray()];
        Assert.That(events.Where(static e => e.TryGetProperty("ts", out _)).Select(static e => e.GetProperty("ts").GetDouble()), Is.Ordered);
        Assert.That(events.Count(static e => e.TryGetProperty("cat", out JsonElement c) && c.ValueEquals("op")), Is.EqualTo(18));
        Assert.That(
            events.Count(static e => e.TryGetProperty("cat", out JsonElement c) && (c.ValueEquals("read") || c.ValueEquals("write"))),
            Is.EqualTo(result.GetProperty("transfers").GetInt32()).And.GreaterThan(0));
    }

    [Test]
    public void A_plan_and_a_policy_contradict_each_other()
    {
        Run(["plan", "-t", TraceFile, "--budget", "40%", .. Machine]);
        Assert.That(
            Failure(ExitCodes.Usage, ["export", "--perfetto", "-t", TraceFile, "-p", Path("small.plan.json"), "--policy", "planned", "-o", Path("t.json"), .. Machine]),
            Does.Contain("leave one out"));
    }

    [Test]
    public void A_folder_that_does_not_exist_is_named() => Assert.That(
        Failure(ExitCodes.BadInput, ["report", "-t", TraceFile, "--budget", "40%", "-o", Path("no/where.html"), .. Machine]), Does.Contain("There is no directory"));
}
