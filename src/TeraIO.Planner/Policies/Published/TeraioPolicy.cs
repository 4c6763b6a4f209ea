using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// Algorithm 1 of TERAIO (NeurIPS 2025, arXiv 2506.06472): as long as memory passes the budget at some op, the inactive period with the largest
/// benefit per cost is migrated. Its benefit is its size times the seconds of the ops over budget between the end of its write and the begin of its
/// read; its cost is its size. Writes are booked forward from the period's begin into what bandwidth is free during each op, reads backward from its
/// end; ops are taken to run without stalls. SSD first; host memory, as far as its capacity goes, for what SSD bandwidth cannot serve. Where the paper
/// is silent: periods and books are cyclic, ties go to the earlier period, reads set out earlier by the tier's latency, and what the plan lacks at run time is
/// read ahead of everything else while the farthest next use leaves.
/// <para>
/// The paper recomputes every period's benefit each round. Here <see cref="WindowRanking"/> keeps the critical time of each period's window as last found: bandwidth only shrinks, so that this is a bound,
/// and when the best one's window is found to be still the same, it is the choice. Periods that another one is sure to come before wait for it (<see cref="DominatedPeriods"/>); not with host memory,
/// where a period that goes to another tier may have a benefit that its better one has not.
/// </para>
/// </summary>
internal sealed class TeraioPolicy : IMigrationPolicy
{
    private readonly record struct Window(TierBooks Books, int WriteEnd, int ReadBegin, long Benefit)
    {
        public bool IsViable => Benefit > 0;
    }

    public string Name => "teraio";

    public string Description => "Algorithm 1 of TERAIO (2025): inactive periods by benefit per cost, bandwidth booked per op, SSD before host memory.";

    public PolicyResult Plan(Trace trace, MachineModel machine, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var context = new SimulationContext(trace);
        MigrationPlan plan = MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.FarthestNextUse, Name);
        if (context.WhyInfeasible(machine.MemoryBudget) is null)
        {
            plan = plan with { Migrations = PlanAssembly.InOrder(Choose(context, machine, progress, cancellation)) };
        }

        return PlanAssembly.Simulate(context, machine, plan);
    }

    private static List<PlannedMigration> Choose(SimulationContext context, MachineModel machine, IProgress<double>? progress, CancellationToken cancellation)
    {
        var migrations = new List<PlannedMigration>();
        var critical = new CriticalOps(MemoryEstimate.PerOp(context), context.Seconds, machine.MemoryBudget);
        int criticalAtFirst = critical.Count;
        if (criticalAtFirst == 0) return migrations;
        var ssd = new TierBooks(MemoryTier.Ssd, machine.Storage, context.Seconds);
        TierBooks? host = machine.Host is null ? null : new TierBooks(MemoryTier.Host, machine.Host, context.Seconds);
        List<InactivePeriod> periods = InactivePeriod.AllOf(context);
        var ranking = new WindowRanking(periods, context.OpCount);
        DominatedPeriods? dominated = host is null ? new DominatedPeriods(periods, ssd.Reads) : null;
        var competing = new List<int>();
        var relieved = new List<(int Op, long Duration)>();
        for (int i = 0; i < periods.Count; i++)
        {
            if (dominated is null || !dominated.TryWait(i)) competing.Add(i);
        }

        int rounds = 0;
        while (critical.Count > 0)
        {
            foreach (int i in competing) ranking.Set(i, periods[i].After + 1, periods[i].Before - 1, critical.Duration(periods[i].After + 1, periods[i].Before - 1));
            competing.Clear();
            if (ranking.Count == 0) break;
            if ((++rounds & 1023) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(1 - critical.Count / (double)criticalAtFirst);
            }

            (int chosen, long bound) = ranking.Best;
            InactivePeriod period = periods[chosen];
            Window window = WindowOf(ssd, period, critical);
            if (!window.IsViable && host is not null && host.HasSpace(period)) window = WindowOf(host, period, critical);
            if (window.IsViable && window.Benefit < bound)
            {
                // Others may come first now.
                if (dominated is not null && dominated.TryWait(chosen)) ranking.Remove(chosen);
                else ranking.Set(chosen, window.WriteEnd + 1, window.ReadBegin - 1, window.Benefit);
                continue;
            }

            ranking.Remove(chosen);
            if (window.IsViable)
            {
                Migrate(period, window, critical, relieved, migrations, context.OpCount);
                foreach ((int op, long duration) in relieved) ranking.Lower(op, duration);
                relieved.Clear();
            }

            dominated?.Remove(chosen, competing); // what is not viable never will be
        }

        progress?.Report(1);
        return migrations;
    }

    private static Window WindowOf(TierBooks books, in InactivePeriod period, CriticalOps critical)
    {
        int writeEnd = books.Writes.EarliestEnd(period.After + 1, period.Bytes);
        if (writeEnd >= period.Before) return default;
        int readBegin = books.Reads.LatestBegin(period.Before - 1, period.Bytes);
        if (readBegin <= writeEnd + 1) return default;
        return new Window(books, writeEnd, readBegin, critical.Duration(writeEnd + 1, readBegin - 1));
    }

    private static void Migrate(in InactivePeriod period, in Window window, CriticalOps critical, List<(int Op, long Duration)> relieved, List<PlannedMigration> migrations, int ops)
    {
        critical.Relieve(window.WriteEnd + 1, window.ReadBegin - 1, period.Bytes, relieved);
        window.Books.Writes.BookForward(period.After + 1, period.Bytes);
        window.Books.Reads.BookBackward(period.Before - 1, period.Bytes);
        window.Books.Hold(period);
        int issue = window.Books.IssueFor(window.ReadBegin, window.WriteEnd + 1);
        PlanAssembly.AddRoundTrip(
            migrations, period.Tensor, period.Bytes, window.Books.Tier, period.After, (window.WriteEnd + 1) % ops, issue % ops, period.Before % ops);
    }
}
