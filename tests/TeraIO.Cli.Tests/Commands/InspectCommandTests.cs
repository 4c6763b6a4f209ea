using System.Text.Json;

namespace TeraIO.Cli.Tests.Commands;

public sealed class InspectCommandTests : CliFixture
{
    private const int Layers = 6;

    [Test]
    public void A_trace_is_summed_up_by_phase_and_kind()
    {
        JsonElement view = Json("inspect", "--trace", TraceFile);
        Assert.That(view.GetProperty("peakBytes").GetInt64(), Is.EqualTo(3_101_000));
        Assert.That(view.GetProperty("peakOp").GetInt32(), Is.EqualTo(Layers), "the first op of backward, which makes a gradient while all activations are there");
        Assert.That(view.GetProperty("smallestBudgetBytes").GetInt64(), Is.EqualTo(501_000));
        Assert.That(view.GetProperty("phases").EnumerateArray().Select(static p => p.GetProperty("ops").GetInt32()), Is.EqualTo(new[] { 6, 6, 6 }));
        JsonElement states = view.GetProperty("kinds").EnumerateArray().Single(static k => k.GetProperty("kind").ValueEquals("optimizerState"));
        Assert.That(states.GetProperty("bytes").GetInt64(), Is.EqualTo(1_200_000));
        Assert.That(states.GetProperty("idleShare").GetDouble(), Is.EqualTo(17 / 18.0).Within(1e-9), "used by one op of eighteen");
    }

    [Test]
    public void The_largest_tensors_say_whether_they_move()
    {
        Run(["plan", "-t", TraceFile, "--budget", "40%", .. Machine]);
        JsonElement tensors = Json(["inspect", "-t", TraceFile, "-p", Path("small.plan.json"), "--largest", "12", .. Machine]).GetProperty("largest");
        Assert.That(tensors.GetArrayLength(), Is.EqualTo(12));
        string[] verdicts = [.. tensors.EnumerateArray().Select(static t => t.GetProperty("verdict").GetString()!)];
        Assert.That(verdicts.Any(static v => v.StartsWith("moves", StringComparison.Ordinal)), Is.True, string.Join(", ", verdicts));
        Assert.That(tensors.EnumerateArray().Select(static t => t.GetProperty("bytes").GetInt64()), Is.Ordered.Descending);
    }

    [Test]
    public void A_tensor_is_found_by_part_of_its_name_and_each_idle_period_is_explained()
    {
        Run(["plan", "-t", TraceFile, "--budget", "40%", .. Machine]);
        JsonElement view = Json(["inspect", "-t", TraceFile, "-p", Path("small.plan.json"), "--tensor", "layer3.stat", .. Machine]);
        Assert.That(view.GetProperty("tensor").GetProperty("name").GetString(), Is.EqualTo("layer3.state"));
        JsonElement period = view.GetProperty("idlePeriods").EnumerateArray().Single();
        Assert.That((period.GetProperty("startOp").GetInt32(), period.GetProperty("endOp").GetInt32()), Is.EqualTo((15, 15)));
        Assert.That(period.GetProperty("explanation").GetString(), Does.StartWith("Leaves after op").Or.StartWith("Stays:"));
        (int code, string output, _) = Run(["inspect", "-t", TraceFile, "-p", Path("small.plan.json"), "--tensor", "layer3.state", .. Machine]);
        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("after op 15 until op 15 of the next iteration: 17 ops").And.Contain(period.GetProperty("explanation").GetString()!));
    }

    [Test]
    public void With_a_large_budget_everything_stays_because_it_fits()
    {
        Run(["plan", "-t", TraceFile, "--budget", "100%", .. Machine]);
        (_, string output, _) = Run(["inspect", "-t", TraceFile, "-p", Path("small.plan.json"), "--tensor", "layer0.out", .. Machine]);
        Assert.That(output, Does.Contain("Stays: with it everything fits the budget"));
    }

    [Test]
    public void Around_an_op_accesses_migrations_and_waits_are_shown()
    {
        Run(["plan", "-t", TraceFile, "--budget", "40%", .. Machine]);
        string[] arguments = ["inspect", "-t", TraceFile, "-p", Path("small.plan.json"), "--op", "6", "--around", "20", .. Machine];
        JsonElement ops = Json(arguments).GetProperty("ops");
        Assert.That(ops.GetArrayLength(), Is.EqualTo(18));
        int migrations = ops.EnumerateArray().Sum(static o => o.GetProperty("before").GetArrayLength() + o.GetProperty("after").GetArrayLength());
        Assert.That(migrations, Is.EqualTo(Core.Plans.PlanFile.Read(Path("small.plan.json")).Migrations.Count).And.GreaterThan(0));
        (_, string output, _) = Run(arguments);
        Assert.That(output, Does.Contain("> op 6 aten::linear_backward (layer5)").And.Contain("reads, frees").And.Contain("> offload "));
    }

    [Test]
    public void An_op_or_tensor_that_does_not_exist_is_named()
    {
        Assert.That(Failure(ExitCodes.Usage, "inspect", "-t", TraceFile, "--op", "18"), Does.Contain("0 to 17"));
        Assert.That(Failure(ExitCodes.Usage, "inspect", "-t", TraceFile, "--tensor", "nothing"), Does.Contain("'nothing'"));
        Assert.That(Failure(ExitCodes.Usage, "inspect", "-t", TraceFile, "--tensor", "state"), Does.Contain("6 tensors"));
        Assert.That(Failure(ExitCodes.Usage, "inspect", "-t", TraceFile, "--tensor", "layer0.out", "--op", "1"), Does.Contain("leave one out"));
    }
}
