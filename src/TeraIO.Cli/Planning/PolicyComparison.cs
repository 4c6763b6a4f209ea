using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Planning;

/// <summary>Several policies on several machines.</summary>
internal static class PolicyComparison
{
    /// <summary>One row per machine and policy, machine by machine.</summary>
    /// <param name="trace">One steady iteration.</param>
    /// <param name="machines">Budgets and bandwidths.</param>
    /// <param name="policies">Who plans.</param>
    /// <param name="bounds">Whether to compute the lower bound of each machine.</param>
    /// <param name="progress">Told from 0 to 1; may be null.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static List<ComparisonRow> Run(
        Trace trace, IReadOnlyList<MachineModel> machines, IReadOnlyList<IMigrationPolicy> policies, bool bounds, IProgress<double>? progress, CancellationToken cancellation)
    {
        long peak = TraceLifetimes.Of(trace).PeakBytes;
        double ideal = trace.IdealSeconds;
        var rows = new List<ComparisonRow>(machines.Count * policies.Count);
        double done = 0;
        double all = machines.Count * (policies.Count + (bounds ? 1 : 0));
        foreach (MachineModel machine in machines)
        {
            cancellation.ThrowIfCancellationRequested();
            double? bound = bounds ? BoundRuns.Figures(trace, machine)?.StepSeconds : null;
            if (bounds) progress?.Report(++done / all);
            foreach (IMigrationPolicy policy in policies)
            {
                double before = done;
                PolicyResult result = policy.Plan(trace, machine, progress is null ? null : new Part(progress, before / all, 1 / all), cancellation);
                rows.Add(ComparisonRow.Of(policy.Name, machine, result.Simulation, ideal, peak, bound, result.Plan.TraceName != trace.Header.Name));
                progress?.Report(++done / all);
            }
        }

        return rows;
    }

    /// <summary>The progress of one part of the whole.</summary>
    private sealed class Part(IProgress<double> whole, double start, double share) : IProgress<double>
    {
        public void Report(double value) => whole.Report(start + (share * value));
    }
}
