using System.CommandLine;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio completion</c>: scripts that make a shell ask <c>teraio</c> itself what may follow.</summary>
internal static class CompletionCommand
{
    private static readonly string[] _shells = ["bash", "zsh", "fish"];

    private sealed record CompletionOutput(string Shell, string Script);

    public static Command Create(CommandConsole console)
    {
        var command = new Command("completion", "Prints the completion script of a shell.");
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong(_shells);
        command.Add(shell);
        Option<bool> json = Output.JsonOutput.Option(command);
        command.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(shell);
            string script = Script(name);
            if (parsed.GetValue(json)) Output.JsonOutput.Write(console, new CompletionOutput(name, script));
            else console.Out.Write(script);
            return ExitCodes.Success;
        });
        HelpWithExamples.Add(
            command,
            "source <(teraio completion bash)                                   # in ~/.bashrc",
            "source <(teraio completion zsh)                                    # in ~/.zshrc, after compinit",
            "teraio completion fish > ~/.config/fish/completions/teraio.fish");
        return command;
    }

    private static string Script(string shell)
    {
        using Stream stream = typeof(CompletionCommand).Assembly.GetManifestResourceStream($"TeraIO.Cli.Completion.teraio.{shell}")
            ?? throw new InvalidOperationException($"The completion script for {shell} is missing from the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
