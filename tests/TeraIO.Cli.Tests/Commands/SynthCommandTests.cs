using System.Text.Json;

namespace TeraIO.Cli.Tests.Commands;

public sealed class SynthCommandTests : CliFixture
{
    [Test]
    public void A_small_model_becomes_a_trace_that_other_commands_read()
    {
        JsonElement result = Json("synth", "--model", "nano", "--device", "a100-40g", "--batch", "4", "--seq", "64", "-o", Path("nano.trace.json.gz"));
        JsonElement view = Json("inspect", "-t", Path("nano.trace.json.gz"), "--largest", "1");
        Assert.That(view.GetProperty("ops").GetInt32(), Is.EqualTo(result.GetProperty("ops").GetInt32()).And.GreaterThan(20));
        Assert.That(view.GetProperty("peakBytes").GetInt64(), Is.EqualTo(result.GetProperty("peakBytes").GetInt64()));
        Assert.That(view.GetProperty("tokens").GetInt64(), Is.EqualTo(4 * 64));
    }

    [Test]
    public void More_micro_batches_take_longer_and_not_more_memory_for_activations()
    {
        JsonElement one = Json("synth", "-m", "nano", "-d", "a100-40g", "--seq", "64", "-o", Path("1.json"));
        JsonElement four = Json("synth", "-m", "nano", "-d", "a100-40g", "--seq", "64", "--micro-batches", "4", "-o", Path("4.json"));
        Assert.That(four.GetProperty("idealSeconds").GetDouble(), Is.GreaterThan(2 * one.GetProperty("idealSeconds").GetDouble()));
        Assert.That(four.GetProperty("peakBytes").GetInt64(), Is.LessThan(2 * one.GetProperty("peakBytes").GetInt64()));
    }

    [Test]
    public void The_catalogue_is_listed()
    {
        JsonElement catalog = Json("synth", "--list");
        Assert.That(catalog.GetProperty("models").EnumerateArray().Select(static m => m.GetProperty("name").GetString()), Does.Contain("llama3-8b"));
        (int code, string output, _) = Run("synth", "--list");
        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("llama3-8b").And.Contain("8,030,261,248").And.Contain("a100-40g"));
    }

    [Test]
    public void Unknown_names_are_refused_with_the_list()
    {
        Assert.That(Failure(ExitCodes.Usage, "synth", "-m", "gpt9", "-d", "a100-40g", "-o", Path("x.json")), Does.Contain("gpt9").And.Contain("llama3-8b"));
        Assert.That(Failure(ExitCodes.Usage, "synth", "-m", "nano", "-d", "tpu", "-o", Path("x.json")), Does.Contain("tpu"));
        Assert.That(Failure(ExitCodes.Usage, "synth", "-m", "nano", "-d", "v100", "--precision", "fp9", "-o", Path("x.json")), Does.Contain("'fp9'").And.Contain("bf16mixed"));
        Assert.That(Failure(ExitCodes.Usage, "synth", "-d", "v100", "-o", Path("x.json")), Does.Contain("--model"));
    }

    [Test]
    public void A_sequence_longer_than_the_model_allows_is_refused() =>
        Assert.That(Failure(ExitCodes.Usage, "synth", "-m", "gpt2-small", "-d", "v100", "--seq", "100000", "-o", Path("x.json")), Does.Contain("100000"));
}
