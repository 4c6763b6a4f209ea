using System.CommandLine;
using TeraIO.Cli.Output;

namespace TeraIO.Cli.Options;

/// <summary>The file that a command writes.</summary>
internal sealed class OutputOptions
{
    private readonly Option<string?> _output;
    private readonly Option<bool> _force = new("--force", "-f") { Description = "Overwrite the output file if it exists" };

    /// <param name="command">Gets the options.</param>
    /// <param name="description">What is in the file, and where it goes by default.</param>
    /// <param name="required">Whether it must be named.</param>
    public OutputOptions(Command command, string description, bool required)
    {
        _output = new("--output", "-o") { Description = description, HelpName = "FILE", Required = required };
        command.Add(_output);
        command.Add(_force);
    }

    /// <summary>The file to write; checked before the work begins, so that nobody waits for a refusal.</summary>
    public OutputFile File(ParseResult parsed, string? byDefault = null) =>
        OutputFile.At(parsed.GetValue(_output) ?? byDefault ?? throw new UsageException("Name the file to write with --output."), parsed.GetValue(_force));
}
