using System.CommandLine;

namespace TeraIO.Cli.Options;

/// <summary>Directories for stores.</summary>
internal sealed class StorePathOption
{
    /// <summary>The environment variable with the directory to use when none is named.</summary>
    public const string Variable = "TERAIO_STORE";

    private readonly Option<string[]> _paths;

    public StorePathOption(Command command, string description)
    {
        _paths = new("--path") { Description = description, HelpName = "DIRECTORY" };
        command.Add(_paths);
    }

    /// <summary>Absolute paths in the order given, each once; never empty.</summary>
    public IReadOnlyList<string> Given(ParseResult parsed)
    {
        string[] named = parsed.GetValue(_paths) is { Length: > 0 } given ? given : [Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } store ? store : Environment.CurrentDirectory];
        if (named.Any(string.IsNullOrWhiteSpace)) throw new UsageException("--path is empty; name a directory.");
        return [.. named.Select(Path.GetFullPath).Distinct(StringComparer.Ordinal)];
    }
}
