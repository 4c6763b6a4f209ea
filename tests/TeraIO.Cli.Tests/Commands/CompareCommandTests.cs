using System.Text.Json;

namespace TeraIO.Cli.Tests.Commands;

public sealed class CompareCommandTests : CliFixture
{
    private static readonly string[] _contract =
        ["policy", "stepSeconds", "idealSeconds", "stallSeconds", "peakBytes", "bytesRead", "bytesWritten", "boundSeconds", "feasible"];

    [Test]
    public void Each_policy_has_the_agreed_figures()
    {
        JsonElement rows = Json(["compare", "--trace", TraceFile, "--budget", "40%", "--policies", "planned,on-demand-lru", .. Machine]);
        Assert.That(rows.EnumerateArray().Select(static r => r.GetProperty("policy").GetString()), Is.EqualTo(new[] { "planned", "on-demand-lru" }));
        foreach (JsonElement row in rows.EnumerateArray())
        {
            foreach (string name in _contract) Assert.That(row.TryGetProperty(name, out _), Is.True, name);
            Assert.That(row.GetProperty("feasible").GetBoolean(), Is.True);
            Assert.That(row.GetProperty("idealSeconds").GetDouble(), Is.EqualTo(0.96).Within(1e-9));
            Assert.That(row.GetProperty("stepSeconds").GetDouble(), Is.GreaterThanOrEqualTo(row.GetProperty("boundSeconds").GetDouble() * (1 - 1e-6)));
            Assert.That(row.GetProperty("peakBytes").GetInt64(), Is.LessThanOrEqualTo(row.GetProperty("budgetBytes").GetInt64()));
            Assert.That(row.GetProperty("bytesRead").GetInt64(), Is.GreaterThan(0));
        }

        Assert.That(
            rows[0].GetProperty("stepSeconds").GetDouble(), Is.LessThanOrEqualTo(rows[1].GetProperty("stepSeconds").GetDouble()), "planning is no worse than on demand");
    }

    [Test]
    public void A_percentage_is_of_the_unlimited_peak()
    {
        // 1 kB baseline, 6 x (100 kB + 200 kB) persistent, 6 x 200 kB activations and one gradient at the first backward op.
        const long Peak = 1000 + (6 * 300_000) + (6 * 200_000) + 100_000;
        JsonElement row = Json(["compare", "-t", TraceFile, "--budget", "50%", "--policies", "on-demand-lru", "--no-bounds", .. Machine])[0];
        Assert.That(row.GetProperty("budgetBytes").GetInt64(), Is.EqualTo(Peak / 2));
        Assert.That(row.GetProperty("boundSeconds").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void Budgets_and_bandwidths_are_combined()
    {
        JsonElement rows = Json(
            "compare", "-t", TraceFile, "--budget", "60%", "--budget", "40%,900KB", "--policies", "on-demand-lru", "--no-bounds", "--read-bw", "2MB/s,4MB/s", "--write-bw", "1MB/s");
        Assert.That(
            rows.EnumerateArray().Select(static r => (r.GetProperty("budgetBytes").GetInt64(), r.GetProperty("readBandwidth").GetDouble())),
            Is.EqualTo(new[] { (1_860_600L, 2e6), (1_860_600, 4e6), (1_240_400, 2e6), (1_240_400, 4e6), (900_000, 2e6), (900_000, 4e6) }));
    }

    [Test]
    public void A_host_tier_takes_traffic_or_is_reported_empty()
    {
        JsonElement row = Json(["compare", "-t", TraceFile, "--budget", "40%", "--policies", "planned", "--host-bytes", "10MB", "--host-bw", "100MB/s", "--no-bounds", .. Machine])[0];
        Assert.That(row.GetProperty("hostBytesRead").GetInt64(), Is.GreaterThanOrEqualTo(0));
        Assert.That(row.GetProperty("feasible").GetBoolean(), Is.True);
    }

    [Test]
    public void A_table_fits_eighty_columns()
    {
        (int code, string output, string error) = Run(["compare", "-t", TraceFile, "--budget", "40%", .. Machine]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output.Split('\n').Max(static l => l.Length), Is.LessThanOrEqualTo(80), output);
        Assert.That(output, Does.Contain("planned").And.Contain("over bound"));
    }

    [Test]
    public void A_budget_too_small_for_an_op_is_said_in_the_rows_and_by_the_exit_code()
    {
        (int code, string output, string error) = Run(["compare", "-t", TraceFile, "--budget", "100KB", "--policies", "planned", "--json", .. Machine]);
        Assert.That(code, Is.EqualTo(ExitCodes.Infeasible));
        JsonElement row = JsonDocument.Parse(output).RootElement[0];
        Assert.That(row.GetProperty("feasible").GetBoolean(), Is.False);
        Assert.That(row.GetProperty("stepSeconds").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(row.GetProperty("infeasibleReason").GetString(), Does.Contain("smallest budget"));
        Assert.That(error, Does.Contain("smallest budget"));
    }

    [TestCase("0%")]
    [TestCase("101%")]
    [TestCase("-5%")]
    [TestCase("forty%")]
    [TestCase("lots")]
    [TestCase("0")]
    public void A_budget_that_is_none_is_refused(string budget)
    {
        string error = Failure(ExitCodes.Usage, ["compare", "-t", TraceFile, $"--budget={budget}", .. Machine]);
        Assert.That(error, Does.Contain($"'{budget}'").And.Contain("40%"));
    }

    [Test]
    public void An_unknown_policy_is_refused_with_the_list()
    {
        string error = Failure(ExitCodes.Usage, ["compare", "-t", TraceFile, "--budget", "40%", "--policies", "planned,magic", .. Machine]);
        Assert.That(error, Does.Contain("'magic'").And.Contain("on-demand-lru"));
    }

    [Test]
    public void Bandwidths_that_do_not_pair_up_are_refused() => Assert.That(
        Failure(ExitCodes.Usage, "compare", "-t", TraceFile, "--budget", "40%", "--read-bw", "1GB/s,2GB/s,3GB/s", "--write-bw", "1GB/s,2GB/s"), Does.Contain("3 values of --read-bw"));

    [Test]
    public void A_host_tier_needs_both_its_options() => Assert.That(
        Failure(ExitCodes.Usage, ["compare", "-t", TraceFile, "--budget", "40%", "--host-bytes", "1GB", .. Machine]), Does.Contain("--host-bw"));
}
