using System.Diagnostics.CodeAnalysis;
using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Ranks;

/// <summary>One process of a node.</summary>
/// <param name="Trace">Its iteration.</param>
/// <param name="Plan">Its plan.</param>
/// <param name="Start">Second at which its first iteration begins; 0 for all where ranks are synchronous.</param>
public sealed record Rank(Trace Trace, MigrationPlan Plan, double Start = 0);

/// <summary>What becomes of one rank beside the others.</summary>
/// <param name="StepSeconds">Mean seconds of an iteration after warm-up, waiting for other ranks included.</param>
/// <param name="Last">Its last iteration. When ranks are not synchronous, others may have ended before it.</param>
public sealed record RankResult(double StepSeconds, SimulationResult Last)
{
    /// <summary>Ideal seconds by step seconds: 1 is as fast as alone with unlimited memory.</summary>
    public double ShareOfIdeal => StepSeconds > 0 ? Last.IdealSeconds / StepSeconds : 0;
}

/// <summary>
/// Simulates the ranks of a node, each with its own memory and host tier, on one storage path that they share: the rules of <see cref="Simulator"/> for each rank, and at any moment equal
/// parts of the bandwidth for those that use it. One rank gives exactly what <see cref="Simulator"/> gives. Deterministic and thread-safe.
/// </summary>
public static class RankSimulator
{
    /// <param name="ranks">At least one.</param>
    /// <param name="machine">Of each rank; <see cref="MachineModel.Storage"/> is the whole path.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <returns>One result per rank. When a rank does not fit its budget, its result says so and the others are those of ranks without it.</returns>
    /// <exception cref="TraceFormatException">A plan is not for its trace.</exception>
    /// <exception cref="ConfigurationException">The machine or an option is not possible, or a tier has no space for what a rank sends away.</exception>
    public static IReadOnlyList<RankResult> Run(IReadOnlyList<Rank> ranks, MachineModel machine, RankOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(machine);
        options ??= new RankOptions();
        options.Validate();
        if (ranks.Count == 0) throw new ConfigurationException("There is no rank to simulate: name at least one.");
        if (options.IsSynchronous && ranks.Any(static rank => rank.Start != 0))
            throw new ConfigurationException("Ranks that are synchronous begin together: leave Rank.Start at 0 or turn RankOptions.IsSynchronous off.");
        var results = new RankResult[ranks.Count];
        var runs = new List<(int Rank, SimulationRun Run)>();
        for (int i = 0; i < ranks.Count; i++)
        {
            var context = new SimulationContext(ranks[i].Trace);
            if (Simulator.TryPrepare(context, ranks[i].Plan, machine, SimulationOptions.Default) is { } run) runs.Add((i, run));
            else results[i] = new RankResult(0, Simulator.Infeasible(context, context.WhyInfeasible(machine.MemoryBudget)!));
        }

        RunTogether(runs, ranks, options, results);
        return results;
    }

    private static void RunTogether(List<(int Rank, SimulationRun Run)> runs, IReadOnlyList<Rank> ranks, RankOptions options, RankResult[] results)
    {
        var schedule = new RankSchedule(options, [.. runs.Select(r => ranks[r.Rank].Start)]);
        var path = new SharedPath();
        var threads = new List<Thread>();
        foreach (((int rank, SimulationRun run), RankClock clock) in runs.Zip(schedule.Ranks))
        {
            run.Join(clock, path);
            threads.Add(new Thread(() => RunRank(schedule, clock, () => results[rank] = Result(run.Execute(), clock, options)))
            {
                IsBackground = true,
                Name = $"Simulated rank {rank}",
            });
        }

        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        foreach (RankClock clock in schedule.Ranks) clock.Dispose();
        if (schedule.Failure is TeraIOException e) throw new ConfigurationException($"A rank cannot run beside the others: {e.Message}", e);
        if (schedule.Failure is not null) throw new InvalidOperationException("The simulation of ranks failed.", schedule.Failure);
    }

    [SuppressMessage("Design", "CA1031", Justification = "It is thrown again on the caller's thread; meanwhile the other ranks must end.")]
    private static void RunRank(RankSchedule schedule, RankClock clock, Action run)
    {
        try
        {
            run();
        }
        catch (Exception e)
        {
            schedule.Failure ??= e;
        }

        if (!clock.HasLeft) clock.Leave();
    }

    private static RankResult Result(SimulationResult last, RankClock clock, RankOptions options)
    {
        if (!last.Feasible) throw new ConfigurationException(last.InfeasibleReason!);
        List<double> ends = clock.IterationEnds;
        double step = ends.Count < options.Iterations
            ? last.StepSeconds
            : (ends[options.Iterations - 1] - ends[options.WarmUp - 1]) / (options.Iterations - options.WarmUp);
        return new RankResult(step, last);
    }
}
