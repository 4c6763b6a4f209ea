using System.Text.Json;
using TeraIO.Core.Plans;

namespace TeraIO.Cli.Tests.Commands;

public sealed class PlanAndSimulateTests : CliFixture
{
    [Test]
    public void A_plan_is_written_beside_its_trace_and_simulates_to_what_was_promised()
    {
        JsonElement planned = Json(["plan", "--trace", TraceFile, "--budget", "40%", .. Machine]);
        string file = planned.GetProperty("file").GetString()!;
        Assert.That(file, Is.EqualTo(Path("small.plan.json")));
        Assert.That(PlanFile.Read(file).TraceName, Is.EqualTo("six layers"));
        Assert.That(Directory.GetFiles(Folder), Has.Length.EqualTo(2), "no temporary file is left");

        JsonElement simulated = Json(["simulate", "--trace", TraceFile, "--plan", file, .. Machine]).GetProperty("summary");
        Assert.That(simulated.GetProperty("stepSeconds").GetDouble(), Is.EqualTo(planned.GetProperty("stepSeconds").GetDouble()).Within(1e-6).Percent);
        Assert.That(simulated.GetProperty("budgetBytes").GetInt64(), Is.EqualTo(1_240_400), "the plan's own budget is the default");
        Assert.That(simulated.GetProperty("bytesWrittenPerToken").GetDouble(), Is.EqualTo(simulated.GetProperty("bytesWritten").GetInt64() / 128.0));
    }

    [Test]
    public void The_summary_says_budget_step_and_traffic()
    {
        (int code, string output, string error) = Run(["plan", "-t", TraceFile, "--budget", "40%", "-o", Path("p.json"), .. Machine]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Is.Empty);
        Assert.That(output, Does.Contain("40.0 % of the unlimited peak 2.96 MiB").And.Contain("SSD written").And.Contain("960 ms"));
    }

    [Test]
    public void Quiet_says_nothing() => Assert.That(Run(["plan", "-t", TraceFile, "--budget", "40%", "--quiet", .. Machine]), Is.EqualTo((0, "", "")));

    [Test]
    public void Simulate_lists_the_longest_stalls()
    {
        Run(["plan", "-t", TraceFile, "--policy", "on-demand-lru", "--budget", "40%", .. Machine]);
        JsonElement stalls = Json(["simulate", "-t", TraceFile, "-p", Path("small.plan.json"), "--stalls", "3", .. Machine]).GetProperty("longestStalls");
        Assert.That(stalls.GetArrayLength(), Is.EqualTo(3));
        Assert.That(stalls[0].GetProperty("seconds").GetDouble(), Is.GreaterThanOrEqualTo(stalls[1].GetProperty("seconds").GetDouble()));
        Assert.That(stalls[0].GetProperty("cause").GetString(), Is.AnyOf("onDemandRead", "noRoom"));
        (int code, string output, _) = Run(["simulate", "-t", TraceFile, "-p", Path("small.plan.json"), .. Machine]);
        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("Longest stalls"));
        Assert.That(output.Split('\n').Max(static l => l.Length), Is.LessThanOrEqualTo(100));
    }

    [Test]
    public void An_existing_file_is_kept_unless_forced()
    {
        File.WriteAllText(Path("small.plan.json"), "mine");
        string error = Failure(ExitCodes.BadInput, ["plan", "-t", TraceFile, "--budget", "40%", .. Machine]);
        Assert.That(error, Does.Contain("--force"));
        Assert.That(File.ReadAllText(Path("small.plan.json")), Is.EqualTo("mine"));
        Assert.That(Run(["plan", "-t", TraceFile, "--budget", "40%", "--force", "-q", .. Machine]).Code, Is.Zero);
        Assert.That(PlanFile.Read(Path("small.plan.json")).OpCount, Is.EqualTo(18));
    }

    [Test]
    public void A_budget_too_small_for_an_op_leaves_no_file()
    {
        string error = Failure(ExitCodes.Infeasible, ["plan", "-t", TraceFile, "--budget", "100KB", .. Machine]);
        Assert.That(error, Does.Contain("smallest budget"));
        Assert.That(File.Exists(Path("small.plan.json")), Is.False);
    }

    [Test]
    public void A_missing_trace_is_named() => Assert.That(Failure(ExitCodes.BadInput, ["plan", "-t", Path("none.json"), "--budget", "40%", .. Machine]), Does.Contain("none.json"));

    [Test]
    public void A_truncated_trace_is_named_with_the_place()
    {
        string text = File.ReadAllText(TraceFile);
        File.WriteAllText(Path("half.json"), text[..(text.Length / 2)]);
        Assert.That(Failure(ExitCodes.BadInput, ["plan", "-t", Path("half.json"), "--budget", "40%", .. Machine]), Does.Contain("half.json"));
    }

    [Test]
    public void A_trace_in_place_of_a_plan_is_refused() => Assert.That(
        Failure(ExitCodes.BadInput, ["simulate", "-t", TraceFile, "-p", TraceFile, .. Machine]), Does.Contain("small.trace.json"));

    [Test]
    public void A_plan_of_another_trace_is_refused()
    {
        var plan = new MigrationPlan { Policy = "x", TraceName = "other", OpCount = 7, TensorCount = 3, MemoryBudget = 1_000_000 };
        PlanFile.Write(plan, Path("other.json"));
        Assert.That(Failure(ExitCodes.BadInput, ["simulate", "-t", TraceFile, "-p", Path("other.json"), .. Machine]), Does.Contain("'other' with 7 ops"));
    }

    [Test]
    public void Missing_bandwidths_are_asked_for() => Assert.That(Failure(ExitCodes.Usage, "plan", "-t", TraceFile, "--budget", "40%"), Does.Contain("--read-bw"));

    [Test]
    public void Only_compare_takes_several_budgets() => Assert.That(
        Failure(ExitCodes.Usage, ["plan", "-t", TraceFile, "--budget", "40%,50%", .. Machine]), Does.Contain("teraio compare"));
}
