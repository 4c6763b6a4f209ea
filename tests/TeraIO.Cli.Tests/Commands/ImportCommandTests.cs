using System.Text.Json;
using TeraIO.Cli.Options;
using TeraIO.TestSupport.Import;

namespace TeraIO.Cli.Tests.Commands;

public sealed class ImportCommandTests : CliFixture
{
    [Test]
    public void An_execution_trace_becomes_a_trace_that_other_commands_read()
    {
        File.WriteAllText(Path("et.json"), EtText.TrainingStep().ToString());
        JsonElement result = Json("import", Path("et.json"), "-o", Path("et.trace.json"));
        JsonElement view = Json("inspect", "-t", Path("et.trace.json"));
        Assert.That(view.GetProperty("ops").GetInt32(), Is.EqualTo(result.GetProperty("ops").GetInt32()).And.GreaterThan(0));
        Assert.That(view.GetProperty("peakBytes").GetInt64(), Is.EqualTo(result.GetProperty("peakBytes").GetInt64()).And.GreaterThan(0));
    }

    [Test]
    public void A_slower_device_takes_longer()
    {
        File.WriteAllText(Path("et.json"), EtText.TrainingStep().ToString());
        double fast = Json("import", Path("et.json"), "--op-seconds", "0", "-o", Path("fast.json")).GetProperty("idealSeconds").GetDouble();
        double slow = Json("import", Path("et.json"), "--op-seconds", "0", "--flops", "1MFLOP/s", "--memory-bw", "1MB/s", "-o", Path("slow.json")).GetProperty("idealSeconds").GetDouble();
        Assert.That(slow, Is.GreaterThan(1000 * fast));
    }

    [Test]
    public void A_memory_snapshot_is_read()
    {
        File.WriteAllBytes(Path("snapshot.pickle"), PickleBytes.Of(PickleBytes.Snapshot()));
        Assert.That(Json("import", Path("snapshot.pickle"), "-o", Path("s.json")).GetProperty("tensors").GetInt32(), Is.GreaterThan(0));
    }

    [Test]
    public void A_file_of_another_kind_is_named()
    {
        File.WriteAllText(Path("notes.txt"), "no trace at all");
        Assert.That(Failure(ExitCodes.BadInput, "import", Path("notes.txt"), "-o", Path("x.json")), Does.Contain("notes.txt"));
        Assert.That(File.Exists(Path("x.json")), Is.False);
    }

    [TestCase("150TFLOP/s", 150e12)]
    [TestCase("19.5 T", 19.5e12)]
    [TestCase("2e12", 2e12)]
    [TestCase("3gflops", 3e9)]
    public void A_flop_rate_has_prefixes(string text, double perSecond)
    {
        Assert.That(FlopRate.TryParse(text, out FlopRate rate), Is.True);
        Assert.That(rate.PerSecond, Is.EqualTo(perSecond));
    }

    [TestCase("0")]
    [TestCase("-1T")]
    [TestCase("T")]
    [TestCase("many")]
    public void Anything_else_is_no_flop_rate(string text) =>
        Assert.That(Failure(ExitCodes.Usage, "import", TraceFile, $"--flops={text}", "-o", Path("x.json")), Does.Contain($"'{text}'"));
}
