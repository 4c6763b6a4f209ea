using System.CommandLine;
using TeraIO.Cli.Planning;
using TeraIO.Core.Tracing;

namespace TeraIO.Cli.Options;

/// <summary>The trace that a command works on.</summary>
internal sealed class TraceOption
{
    public TraceOption(Command command) => command.Add(Option);

    public Option<string> Option { get; } = new("--trace", "-t")
    {
        Description = "Trace of one training iteration (teraio's JSON, a PyTorch execution trace, or a CUDA memory snapshot)",
        HelpName = "FILE",
        Required = true,
    };

    public Trace Read(ParseResult parsed) => InputFiles.ReadTrace(parsed.GetRequiredValue(Option));
}
