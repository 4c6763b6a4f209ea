using System.CommandLine;

namespace TeraIO.Cli.Tests;

public sealed class HelpTests : CliFixture
{
    public static IEnumerable<string> Commands => Teraio.Root(new CommandConsole(TextWriter.Null, TextWriter.Null)).Subcommands.Select(static c => c.Name);

    [TestCaseSource(nameof(Commands))]
    public void Every_command_shows_examples_that_parse_and_the_exit_codes(string command)
    {
        (int code, string output, string error) = Run(command, "--help");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("Exit codes:"));
        string[] lines = output.Split('\n');
        string[] examples = [.. lines[(Array.IndexOf(lines, "Examples:") + 1)..].TakeWhile(static l => l.Length > 0).Select(static l => l.Trim())];
        Assert.That(examples, Is.Not.Empty);
        foreach (string example in examples.Where(static e => e.StartsWith("teraio ", StringComparison.Ordinal)))
        {
            string[] words = [.. example.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).TakeWhile(static w => w is not (">" or "#"))];
            ParseResult parsed = Teraio.Root(new CommandConsole(TextWriter.Null, TextWriter.Null)).Parse(words);
            Assert.That(parsed.Errors.Select(static e => e.Message), Is.Empty, example);
            Assert.That(parsed.CommandResult.Command.Name, Is.EqualTo(command));
        }
    }

    [TestCaseSource(nameof(Commands))]
    public void Every_command_offers_json(string command) =>
        Assert.That(Teraio.Root(new CommandConsole(TextWriter.Null, TextWriter.Null)).Subcommands.Single(c => c.Name == command).Options.Select(static o => o.Name), Does.Contain("--json"));

    [Test]
    public void An_unknown_command_or_option_is_one_line_with_a_hint()
    {
        Assert.That(Failure(ExitCodes.Usage, "frobnicate"), Does.Contain("frobnicate").And.Contain("teraio --help"));
        Assert.That(Failure(ExitCodes.Usage, "plan", "-t", TraceFile, "--bugdet", "40%"), Does.Contain("--bugdet").And.Contain("teraio plan --help"));
        Assert.That(Failure(ExitCodes.Usage, "plan", "--budget", "40%"), Does.Contain("--trace"));
    }
}
