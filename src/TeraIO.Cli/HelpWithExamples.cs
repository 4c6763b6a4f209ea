using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace TeraIO.Cli;

/// <summary>The usual help, and below it what a person copies.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    private const string ExitCodeText = """
        Exit codes:
          0 done; 1 a file is missing, damaged or cannot be written; 2 wrong options; 3 the budget is too small for an op; 130 stopped by Ctrl-C
        """;

    private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<Command, string[]> _examples = [];

    /// <summary>Gives a command its examples.</summary>
    public static void Add(Command command, params string[] examples) => _examples.Add(command, examples);

    /// <summary>Takes the place of the usual help of a root command.</summary>
    public static void Use(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpWithExamples((HelpAction)option.Action!);
    }

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        int code = usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (_examples.TryGetValue(parseResult.CommandResult.Command, out string[]? examples))
        {
            output.WriteLine("Examples:");
            foreach (string example in examples) output.WriteLine("  " + example);
            output.WriteLine();
        }

        output.WriteLine(ExitCodeText);
        return code;
    }
}
