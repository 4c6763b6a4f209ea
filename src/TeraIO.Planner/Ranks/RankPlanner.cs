using TeraIO.Core;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Policies;

namespace TeraIO.Planner.Ranks;

/// <summary>How the ranks of a node plan for a path that they share.</summary>
public enum RankStrategy
{
    /// <summary>Each as if it were alone.</summary>
    NoControl,

    /// <summary>Each for an equal share of the bandwidth.</summary>
    EqualShares,

    /// <summary>Equal shares, and each rank asks for its prefetches earlier than the one before by another margin, so that equal ranks do not ask at the same moments.</summary>
    OffsetIssue,

    /// <summary>Equal shares, and rank r of R begins r / R of a step later, so that equal ranks are at different places of their iterations. Not for synchronous ranks.</summary>
    Staggered,
}

/// <summary>Plans for the ranks of a node. Deterministic and thread-safe.</summary>
public static class RankPlanner
{
    /// <summary>The margin of <see cref="PlannerOptions.LeadMargin"/> grows by so much over all ranks.</summary>
    private const double MarginRange = 1.5;

    /// <summary>Makes the ranks' plans by one strategy.</summary>
    /// <param name="traces">One iteration per rank; equal traces are planned once.</param>
    /// <param name="machine">Of each rank; <see cref="MachineModel.Storage"/> is the whole path that they share.</param>
    /// <param name="strategy">How.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="ConfigurationException">The machine or an option makes no sense.</exception>
    public static IReadOnlyList<Rank> Plan(IReadOnlyList<Trace> traces, MachineModel machine, RankStrategy strategy, PlannerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(traces);
        ArgumentNullException.ThrowIfNull(machine);
        options ??= new PlannerOptions();
        MachineModel seen = strategy == RankStrategy.NoControl ? machine : Share(machine, traces.Count);
        var made = new Dictionary<(Trace, double), PolicyResult>();
        var ranks = new Rank[traces.Count];
        for (int i = 0; i < ranks.Length; i++)
        {
            double margin = strategy == RankStrategy.OffsetIssue ? options.LeadMargin + MarginRange * i / ranks.Length : options.LeadMargin;
            if (!made.TryGetValue((traces[i], margin), out PolicyResult? result))
            {
                result = MigrationPlanner.Plan(traces[i], seen, options with { LeadMargin = margin });
                made.Add((traces[i], margin), result);
            }

            double start = strategy == RankStrategy.Staggered ? result.Simulation.StepSeconds * i / ranks.Length : 0;
            ranks[i] = new Rank(traces[i], result.Plan, start);
        }

        return ranks;
    }

    /// <summary>
    /// Makes plans by every strategy that these ranks can use, simulates them together, and returns those whose slowest rank is fastest; of equals the first
    /// in the order of <see cref="RankStrategy"/>.
    /// </summary>
    /// <param name="traces">One iteration per rank; equal traces are planned once.</param>
    /// <param name="machine">Of each rank; <see cref="MachineModel.Storage"/> is the whole path that they share.</param>
    /// <param name="ranks">Whether they are synchronous, and how long to simulate; null: the defaults.</param>
    /// <param name="options">Of each rank's planner; null: the defaults.</param>
    /// <exception cref="ConfigurationException">The machine or an option makes no sense.</exception>
    public static RankPlan Best(IReadOnlyList<Trace> traces, MachineModel machine, RankOptions? ranks = null, PlannerOptions? options = null)
    {
        ranks ??= new RankOptions();
        RankPlan? best = null;
        foreach (RankStrategy strategy in Enum.GetValues<RankStrategy>())
        {
            if (strategy == RankStrategy.Staggered && ranks.IsSynchronous) continue;
            IReadOnlyList<Rank> plans = Plan(traces, machine, strategy, options);
            var candidate = new RankPlan(strategy, plans, RankSimulator.Run(plans, machine, ranks));
            if (best is null || candidate.SlowestShareOfIdeal > best.SlowestShareOfIdeal * (1 + 1e-9)) best = candidate;
        }

        return best!;
    }

    /// <summary>The machine as one of so many ranks sees it: memory and host tier are its own, the storage path is shared.</summary>
    public static MachineModel Share(MachineModel machine, int ranks)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        TierModel whole = machine.Storage;
        return machine with { Storage = whole with { ReadBandwidth = whole.ReadBandwidth / ranks, WriteBandwidth = whole.WriteBandwidth / ranks } };
    }
}

/// <summary>Plans of the ranks of a node, and what comes of them together.</summary>
/// <param name="Strategy">How they were made.</param>
/// <param name="Ranks">One per trace.</param>
/// <param name="Results">The same order.</param>
public sealed record RankPlan(RankStrategy Strategy, IReadOnlyList<Rank> Ranks, IReadOnlyList<RankResult> Results)
{
    /// <summary>Of the rank that suffers most.</summary>
    public double SlowestShareOfIdeal => Results.Min(static result => result.ShareOfIdeal);
}
