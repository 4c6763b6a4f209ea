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
/// The paper recomputes every period's benefit each round. Here a period's benefit is recomputed when it comes first: bandwidth and memory over
/// budget only shrink, so benefits on one tier only sink, and the choice is the same.
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
        var queue = new PriorityQueue<int, Rank>();
        var known = new Window[periods.Count]; // as last found
        for (int i = 0; i < periods.Count; i++)
        {
            InactivePeriod period = periods[i];
            queue.Enqueue(i, new Rank(critical.Duration(period.After + 1, period.Before - 1), 0, i));
        }

        int rounds = 0;
        while (critical.Count > 0 && queue.TryPeek(out int chosen, out Rank stale))
        {
            if ((++rounds & 1023) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(1 - critical.Count / (double)criticalAtFirst);
            }

            InactivePeriod period = periods[chosen];
            if (known[chosen].Books == ssd)
            {
                // A window only shrinks: what is left of the one last found is a bound that needs no look into the books.
                var bound = new Rank(critical.Duration(known[chosen].WriteEnd + 1, known[chosen].ReadBegin - 1), 0, chosen);
                if (bound.CompareTo(stale) > 0)
                {
                    queue.DequeueEnqueue(chosen, bound);
                    continue;
                }
            }

            Window window = WindowOf(ssd, period, critical);
            if (!window.IsViable && host is not null && host.HasSpace(period)) window = WindowOf(host, period, critical);
            if (!window.IsViable)
            {
                queue.Dequeue(); // and never will be
                continue;
            }

            known[chosen] = window;
            var current = new Rank(window.Benefit, 0, chosen);
            if (current.CompareTo(stale) > 0)
            {
                queue.DequeueEnqueue(chosen, current); // others may come first now
                continue;
            }

            queue.Dequeue();
            Migrate(period, window, critical, migrations, context.OpCount);
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

    private static void Migrate(in InactivePeriod period, in Window window, CriticalOps critical, List<PlannedMigration> migrations, int ops)
    {
        critical.Relieve(window.WriteEnd + 1, window.ReadBegin - 1, period.Bytes);
        window.Books.Writes.BookForward(period.After + 1, period.Bytes);
        window.Books.Reads.BookBackward(period.Before - 1, period.Bytes);
        window.Books.Hold(period);
        int issue = window.Books.IssueFor(window.ReadBegin, window.WriteEnd + 1);
        PlanAssembly.AddRoundTrip(
            migrations, period.Tensor, period.Bytes, window.Books.Tier, period.After, (window.WriteEnd + 1) % ops, issue % ops, period.Before % ops);
    }
}
