using System.Diagnostics;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Studies;

/// <summary>What a policy made of a training on a server.</summary>
internal sealed record Outcome(string Policy, SimulationResult Result, double PlanSeconds, long Tokens)
{
    public static Outcome Of(IMigrationPolicy policy, Trace trace, Server server)
    {
        long begun = Stopwatch.GetTimestamp();
        PolicyResult result = policy.Plan(trace, server.Machine);
        return new Outcome(policy.Name, result.Simulation, Stopwatch.GetElapsedTime(begun).TotalSeconds, trace.Header.Tokens);
    }

    public double ShareOfIdeal => Result.Feasible ? Result.IdealSeconds / Result.StepSeconds : 0;

    public double TokensPerSecond => Result.Feasible ? Tokens / Result.StepSeconds : 0;

    public string Percent => Result.Feasible ? Markdown.Percent(ShareOfIdeal) : "does not fit";

    /// <summary>Policies of the tables that compare all.</summary>
    public static IReadOnlyList<IMigrationPolicy> AllPolicies { get; } = [.. Policies.All.Where(static p => p.Name != "unlimited")];

    /// <summary>Policies of the tables that show how a figure scales: the published systems and this project's.</summary>
    public static IReadOnlyList<IMigrationPolicy> MainPolicies { get; } =
        [.. Policies.All.Where(static p => p.Name is "on-demand-lru" or "zero-infinity" or "ssdtrain" or "g10" or "teraio" or "planned" or "planned-chunks")];
}
