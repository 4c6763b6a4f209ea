using System.CommandLine;
using System.CommandLine.Parsing;
using TeraIO.Cli.Commands;
using TeraIO.Cli.Doctor;
using TeraIO.Core;

namespace TeraIO.Cli;

/// <summary>The program: commands, and what their failures become.</summary>
internal static class Teraio
{
    private const string Debug = "TERAIO_DEBUG";

    /// <summary>The commands, in the order of help.</summary>
    public static RootCommand Root(CommandConsole console)
    {
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress, no notes, no summary of files written", Recursive = true };
        var root = new RootCommand("Plans which tensors of a training iteration leave memory when, simulates it, and shows why.") { quiet };
        root.Add(DoctorCommand.Create(console, Machine.Live));
        root.Add(BenchCommand.Create(console, quiet));
        root.Add(SynthCommand.Create(console, quiet));
        root.Add(ImportCommand.Create(console, quiet));
        root.Add(InspectCommand.Create(console));
        root.Add(PlanCommand.Create(console, quiet));
        root.Add(SimulateCommand.Create(console));
        root.Add(CompareCommand.Create(console, quiet));
        root.Add(BoundsCommand.Create(console, quiet));
        root.Add(ReportCommand.Create(console, quiet));
        root.Add(ExportCommand.Create(console, quiet));
        root.Add(CompletionCommand.Create(console));
        HelpWithExamples.Use(root);
        return root;
    }

    /// <summary>Runs one command line and returns the exit code; every failure is one line on the error writer.</summary>
    public static async Task<int> RunAsync(string[] arguments, CommandConsole console, CancellationToken cancellation = default)
    {
        ParseResult parsed = Root(console).Parse(arguments);
        if (parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction) return UsageError(parsed, console);
        try
        {
            return await parsed.InvokeAsync(
                new InvocationConfiguration { Output = console.Out, Error = console.Error, EnableDefaultExceptionHandler = false }, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return Fail(console, "stopped", ExitCodes.Cancelled);
        }
        catch (UsageException e)
        {
            return Fail(console, e.Message, ExitCodes.Usage);
        }
        catch (ConfigurationException e)
        {
            return Fail(console, e.Message, ExitCodes.Usage);
        }
        catch (InfeasibleBudgetException e)
        {
            return Fail(console, e.Message, ExitCodes.Infeasible);
        }
        catch (Exception e) when (e is InputException or TeraIOException or IOException or UnauthorizedAccessException)
        {
            return Fail(console, e.Message, ExitCodes.BadInput);
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable(Debug) is null)
        {
            return Fail(console, $"a fault of teraio itself, please report it: {e.GetType().Name}: {e.Message} (set {Debug}=1 for where it happened)", ExitCodes.Internal);
        }
    }

    private static int UsageError(ParseResult parsed, CommandConsole console)
    {
        string command = string.Join(' ', CommandPath(parsed.CommandResult).Reverse());
        // A word that nobody knows explains more than what is missing because of it.
        string message = parsed.Errors.FirstOrDefault(e => parsed.UnmatchedTokens.Any(t => e.Message.Contains(t, StringComparison.Ordinal)))?.Message ?? parsed.Errors[0].Message;
        return Fail(console, $"{message} See {command} --help.", ExitCodes.Usage);
    }

    private static IEnumerable<string> CommandPath(CommandResult result)
    {
        for (SymbolResult? at = result; at is CommandResult command; at = at.Parent) yield return command.Command is RootCommand ? "teraio" : command.Command.Name;
    }

    private static int Fail(CommandConsole console, string message, int code)
    {
        console.Error.WriteLine("teraio: " + message.ReplaceLineEndings(" "));
        return code;
    }
}
