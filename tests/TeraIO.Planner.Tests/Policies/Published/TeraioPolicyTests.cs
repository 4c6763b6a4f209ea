using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies.Published;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.PublishedPolicies;

[TestFixture]
public class TeraioPolicyTests
{
    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    /// <summary>The queue that saves recomputation must not change what the paper's loop over all periods chooses.</summary>
    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property The_plan_is_the_one_of_algorithm_1_as_printed() => Prop.ForAll(Seeds, seed =>
    {
        Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
        MachineModel machine = RandomTraces.Machine(seed, trace);
        machine = machine with { Host = null, Storage = machine.Storage with { LatencySeconds = 0 } };

        PlannedMigration[] planned = [.. new TeraioPolicy().Plan(trace, machine).Plan.Migrations.OrderBy(static m => (m.Tensor, m.Kind, m.IssueOp))];
        PlannedMigration[] printed = [.. AsPrinted(trace, machine).OrderBy(static m => (m.Tensor, m.Kind, m.IssueOp))];
        Assert.That(planned, Is.EqualTo(printed));
    });

    [Test]
    public void A_weight_waits_on_ssd_while_the_memory_is_needed()
    {
        // 4 ops of 1 s; a weight of 4 bytes for op 0, an activation of 4 bytes during op 2; budget 5; 4 bytes per second.
        var builder = new TraceBuilder(new TraceHeader("hand-made"));
        int weight = builder.AddTensor(new TraceTensor(4, TensorKind.Parameter, true));
        int activation = builder.AddTensor(new TraceTensor(4, TensorKind.Activation, false));
        for (int op = 0; op < 4; op++)
        {
            builder.AddOp(new TraceOp($"op{op}", 1));
            if (op == 0) builder.Access(weight, AccessKind.Read);
            if (op == 2) builder.Access(activation, AccessKind.Create | AccessKind.Free);
        }

        var machine = new MachineModel { MemoryBudget = 5, Storage = new TierModel { ReadBandwidth = 4, WriteBandwidth = 4 } };
        var result = new TeraioPolicy().Plan(builder.Build(), machine);
        Assert.That(result.Plan.Migrations, Is.EqualTo(new PlannedMigration[]
        {
            new(MigrationKind.Offload, weight, 0, 4, MemoryTier.Ssd, Writes: true, IssueOp: 0, DeadlineOp: 2),
            new(MigrationKind.Prefetch, weight, 0, 4, MemoryTier.Ssd, Writes: false, IssueOp: 3, DeadlineOp: 0),
        }));
        Assert.That(result.Simulation.StallSeconds, Is.Zero);
        Assert.That(result.Simulation.PeakBytes, Is.EqualTo(4));
    }

    private static List<PlannedMigration> AsPrinted(Trace trace, MachineModel machine)
    {
        var context = new SimulationContext(trace);
        int ops = trace.Ops.Length;
        long[] memory = MemoryEstimate.PerOp(context);
        long[] writes = [.. context.Seconds.Select(s => (long)(s * machine.Storage.WriteBandwidth))];
        long[] reads = [.. context.Seconds.Select(s => (long)(s * machine.Storage.ReadBandwidth))];
        double unit = trace.IdealSeconds > 0 ? (1L << 50) / context.Seconds.Sum() : 0;
        List<InactivePeriod> periods = InactivePeriod.AllOf(context);
        var left = new HashSet<int>(Enumerable.Range(0, periods.Count));
        var plan = new List<PlannedMigration>();
        while (memory.Max() > machine.MemoryBudget)
        {
            (int Best, long Benefit, int WriteEnd, int ReadBegin) best = (-1, 0, 0, 0);
            foreach (int i in left.Order())
            {
                InactivePeriod p = periods[i];
                int writeEnd = Fill(writes, p.After + 1, +1, p.Bytes, book: false);
                int readBegin = Fill(reads, p.Before - 1, -1, p.Bytes, book: false);
                if (writeEnd >= p.Before || writeEnd >= readBegin) continue;
                long benefit = 0;
                for (int op = writeEnd + 1; op < readBegin; op++)
                {
                    if (memory[op % ops] > machine.MemoryBudget) benefit += (long)(context.Seconds[op % ops] * unit) + 1;
                }

                if (benefit > best.Benefit) best = (i, benefit, writeEnd, readBegin);
            }

            if (best.Best < 0) break;
            InactivePeriod period = periods[best.Best];
            Fill(writes, period.After + 1, +1, period.Bytes, book: true);
            Fill(reads, period.Before - 1, -1, period.Bytes, book: true);
            for (int op = best.WriteEnd + 1; op < best.ReadBegin; op++) memory[op % ops] -= period.Bytes;
            left.Remove(best.Best);
            plan.Add(new PlannedMigration(MigrationKind.Offload, period.Tensor, 0, period.Bytes, MemoryTier.Ssd, true, period.After, (best.WriteEnd + 1) % ops));
            plan.Add(new PlannedMigration(MigrationKind.Prefetch, period.Tensor, 0, period.Bytes, MemoryTier.Ssd, false, best.ReadBegin % ops, period.Before % ops));
        }

        return plan;
    }

    /// <summary>The op in which the last byte finds room when they are laid into the ring from an op on, in a direction.</summary>
    private static int Fill(long[] free, int from, int direction, long bytes, bool book)
    {
        if (bytes > free.Sum()) return direction > 0 ? int.MaxValue : int.MinValue;
        for (int op = from; ; op += direction)
        {
            int place = (op % free.Length + free.Length) % free.Length;
            long part = Math.Min(bytes, free[place]);
            if (book) free[place] -= part;
            bytes -= part;
            if (bytes == 0) return op;
        }
    }
}
