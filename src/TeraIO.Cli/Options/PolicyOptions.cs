using System.CommandLine;
using TeraIO.Planner.Policies;

namespace TeraIO.Cli.Options;

/// <summary>Policies by name.</summary>
internal static class PolicyOptions
{
    /// <summary>The policy of the product.</summary>
    public const string Default = "planned";

    private const string AllPolicies = "all";

    private const string NoPolicies = "none";

    private static string Form => "a policy; there are " + string.Join(", ", Policies.All.Select(static p => p.Name));

    /// <summary>One policy.</summary>
    public static Option<IMigrationPolicy?> One(Command command)
    {
        Option<IMigrationPolicy?> option = OptionValues.One<IMigrationPolicy>("--policy", "NAME", $"Who plans (default: {Default}); teraio compare --help lists them", Form, TryNamed);
        option.CompletionSources.Add([.. Policies.All.Select(static p => p.Name)]);
        command.Add(option);
        return option;
    }

    /// <summary>Several; <c>all</c> means every one, and where <paramref name="none"/> is allowed, <c>none</c> means no comparison.</summary>
    public static Option<IMigrationPolicy[]?> Many(Command command, string description, bool none)
    {
        var option = new Option<IMigrationPolicy[]?>("--policies")
        {
            Description = description,
            HelpName = "NAME,NAME,...",
            Arity = ArgumentArity.OneOrMore,
            CustomParser = argument =>
            {
                var policies = new List<IMigrationPolicy>();
                foreach (string name in argument.Tokens.SelectMany(static t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
                {
                    if (name == NoPolicies && none) return [];
                    if (name == AllPolicies) policies.AddRange(Policies.All);
                    else if (TryNamed(name, out IMigrationPolicy policy)) policies.Add(policy);
                    else argument.AddError($"--policies '{name}' is not {Form}.");
                }

                if (policies.Count == 0) argument.AddError($"--policies names none; it is not {Form}.");
                return [.. policies.DistinctBy(static p => p.Name)];
            },
        };
        option.CompletionSources.Add([.. Policies.All.Select(static p => p.Name), AllPolicies]);
        command.Add(option);
        return option;
    }

    /// <summary>What was chosen; every policy when nothing was.</summary>
    public static IReadOnlyList<IMigrationPolicy> Chosen(ParseResult parsed, Option<IMigrationPolicy[]?> option) =>
        parsed.GetResult(option) is null ? Policies.All : parsed.GetValue(option)!;

    private static bool TryNamed(string? name, out IMigrationPolicy policy)
    {
        policy = Policies.All.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase))!;
        return policy is not null;
    }
}
