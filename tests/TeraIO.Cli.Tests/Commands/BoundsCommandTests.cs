using System.Text.Json;

namespace TeraIO.Cli.Tests.Commands;

public sealed class BoundsCommandTests : CliFixture
{
    [Test]
    public void The_bound_lies_between_the_ideal_and_what_planning_reaches()
    {
        JsonElement bound = Json(["bounds", "--trace", TraceFile, "--budget", "40%", .. Machine]);
        JsonElement planned = Json(["compare", "-t", TraceFile, "--budget", "40%", "--policies", "planned", "--no-bounds", .. Machine])[0];
        double step = bound.GetProperty("stepSeconds").GetDouble();
        Assert.That(step, Is.GreaterThanOrEqualTo(0.96 * (1 - 1e-9)));
        Assert.That(step, Is.LessThanOrEqualTo(planned.GetProperty("stepSeconds").GetDouble() * (1 + 1e-6)));
        Assert.That(bound.GetProperty("bytesRead").GetInt64(), Is.GreaterThan(0));
    }

    [Test]
    public void Without_need_to_move_the_ops_alone_are_the_bound()
    {
        (int code, string output, _) = Run(["bounds", "-t", TraceFile, "--budget", "100%", .. Machine]);
        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("960 ms (100.0 % of the unlimited speed): the ops alone"));
    }

    [Test]
    public void A_budget_too_small_for_an_op_has_its_own_exit_code() =>
        Assert.That(Failure(ExitCodes.Infeasible, ["bounds", "-t", TraceFile, "--budget", "100KB", .. Machine]), Does.Contain("smallest budget"));
}
