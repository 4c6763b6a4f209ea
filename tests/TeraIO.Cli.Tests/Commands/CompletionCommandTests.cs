using TeraIO.TestSupport;

namespace TeraIO.Cli.Tests.Commands;

[Platform("Unix")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class CompletionCommandTests : CliFixture
{
    [TestCase("bash")]
    [TestCase("zsh")]
    [TestCase("fish")]
    public void A_script_is_printed_and_its_shell_can_parse_it(string shell)
    {
        (int code, string script, _) = Run("completion", shell);
        Assert.That(code, Is.Zero);
        Assert.That(script, Does.Contain("[suggest:"));
        if (!HasShell(shell)) Assert.Ignore($"{shell} is not on this machine; what was printed is not empty and asks teraio.");
        File.WriteAllText(Path("script"), script);
        Assert.That(ChildProcess.Run(shell, ["-n", Path("script")]), Is.EqualTo(new ProcessResult(0, "", "")));
    }

    [Test]
    public void Bash_completes_commands_options_and_policies()
    {
        File.WriteAllText(Path("script"), Run("completion", "bash").Out);
        // The program under its own name, as it would be in the path.
        File.WriteAllText(Path("teraio"), $"#!/bin/bash\nexec '{Executable}' \"$@\"\n");
        File.SetUnixFileMode(Path("teraio"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.That(Complete("teraio co"), Is.EqualTo(new[] { "compare", "completion" }));
        Assert.That(Complete("teraio plan --rea"), Is.EqualTo(new[] { "--read-bw" }));
        Assert.That(Complete("teraio plan --policy on-demand-l"), Is.EqualTo(new[] { "on-demand-lru" }));
    }

    [Test]
    public void Another_shell_is_refused() => Assert.That(Failure(ExitCodes.Usage, "completion", "cmd"), Does.Contain("cmd"));

    private static string Executable => System.IO.Path.Combine(TestContext.CurrentContext.TestDirectory, "teraio");

    private string[] Complete(string line)
    {
        string[] words = line.Split(' ');
        string commands = $"source '{Path("script")}'; PATH='{Folder}':$PATH; COMP_WORDS=({line}); COMP_CWORD={words.Length - 1}; COMP_LINE='{line}'; COMP_POINT={line.Length}; _teraio; printf '%s\\n' \"${{COMPREPLY[@]}}\"";
        (int code, string output, string error) = ChildProcess.Run("bash", ["-c", commands]);
        Assert.That(code, Is.Zero, error);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
    }

    private static bool HasShell(string shell) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator).Any(folder => File.Exists(System.IO.Path.Combine(folder, shell)));
}
