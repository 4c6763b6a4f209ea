using TeraIO.TestSupport;

namespace TeraIO.Cli.Tests;

/// <summary>The program as users start it.</summary>
public sealed class ProcessTests : CliFixture
{
    [Test]
    public void The_process_writes_results_and_errors_to_their_streams_and_returns_the_code()
    {
        (int code, string output, string error) = Start(["plan", "-t", TraceFile, "--budget", "40%", "-o", Path("p.json"), .. Machine]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("six layers").And.Not.Contain("\u001b"), "no colours in a pipe");
        Assert.That(error, Is.Empty, "no progress in a pipe");

        (code, output, error) = Start("plan", "-t", Path("none.json"));
        Assert.That((code, output), Is.EqualTo((ExitCodes.BadInput, "")));
        Assert.That(error, Is.EqualTo($"teraio: There is no trace file {Path("none.json")}.\n"));
    }

    [Test]
    public void The_version_is_printed() => Assert.That(Start("--version").Output, Does.StartWith(typeof(Teraio).Assembly.GetName().Version!.ToString(3)));

    private static ProcessResult Start(params string[] arguments) => ChildProcess.Run(System.IO.Path.Combine(TestContext.CurrentContext.TestDirectory, "teraio"), arguments);
}
