using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

public sealed class TraceStatisticsTests
{
    /// <summary>
    /// Four ops of 1, 2, 3, 4 s. A weight of 100 bytes is used by ops 0 and 3, an activation of 10 lives from op 0 to op 2, a tensor of 1000 that wraps around is
    /// created by op 3, used and freed by op 1 of the next iteration; op 1 has a workspace of 5; 7 bytes belong to no tensor.
    /// </summary>
    private static Trace FourOps()
    {
        var builder = new TraceBuilder(new TraceHeader("four", BaselineBytes: 7));
        int weight = builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, IsPersistent: true));
        int activation = builder.AddTensor(new TraceTensor(10, TensorKind.Activation, IsPersistent: false));
        int wrapping = builder.AddTensor(new TraceTensor(1000, TensorKind.Temporary, IsPersistent: false));
        builder.AddOp(new TraceOp("a", 1));
        builder.Access(weight, AccessKind.Read);
        builder.Access(activation, AccessKind.Create);
        builder.AddOp(new TraceOp("b", 2, WorkspaceBytes: 5));
        builder.Access(wrapping, AccessKind.Read | AccessKind.Free);
        builder.AddOp(new TraceOp("c", 3));
        builder.Access(activation, AccessKind.Read | AccessKind.Free);
        builder.AddOp(new TraceOp("d", 4));
        builder.Access(weight, AccessKind.Read | AccessKind.Write);
        builder.Access(wrapping, AccessKind.Create);
        return builder.Build();
    }

    [Test]
    public void The_peak_counts_everything_that_is_alive()
    {
        TraceStatistics statistics = TraceStatistics.Of(FourOps());
        Assert.Multiple(() =>
        {
            // Memory per op: 1117, 1122, 117, 1107.
            Assert.That(statistics.PeakBytes, Is.EqualTo(1122));
            Assert.That(statistics.PeakOp, Is.EqualTo(1));
            Assert.That(statistics.PeakBytesByKind[TensorKind.Temporary], Is.EqualTo(1000));
            Assert.That(statistics.PeakBytesByKind[TensorKind.Activation], Is.EqualTo(10));
            Assert.That(statistics.PeakBytesByKind[TensorKind.Gradient], Is.Zero);
            Assert.That(statistics.BytesByKind[TensorKind.Parameter], Is.EqualTo(100));
            Assert.That(statistics.TensorsByKind[TensorKind.Activation], Is.EqualTo(1));
            Assert.That(statistics.LargestWorkingSetBytes, Is.EqualTo(1107));
            Assert.That(statistics.IdealSeconds, Is.EqualTo(10));
        });
    }

    [Test]
    public void The_active_share_is_weighted_by_time()
    {
        double active = (110 * 1) + (1005 * 2) + (10 * 3) + (1100 * 4);
        double live = (1117 * 1) + (1122 * 2) + (117 * 3) + (1107 * 4);
        Assert.That(TraceStatistics.Of(FourOps()).ActiveShare, Is.EqualTo(active / live).Within(1e-9).Percent);
    }

    [Test]
    public void Inactive_periods_go_around_the_end_of_the_iteration()
    {
        (long Bytes, double Seconds)[] periods = [.. TraceStatistics.Of(FourOps()).InactivePeriods()];
        // The weight between its uses (from op 3 to op 0 there is no time), the activation, and the tensor that wraps around.
        Assert.That(periods, Is.EquivalentTo(new (long, double)[] { (100, 5), (10, 2), (1000, 1) }));
    }

    [Test]
    public void Periods_and_lifetimes_are_counted_by_size_and_length()
    {
        TraceStatistics statistics = TraceStatistics.Of(FourOps());
        (int Periods, long Bytes)[,] periods = statistics.InactivePeriodsBy([100, 1000], [2.0]);
        (int Tensors, long Bytes)[,] lifetimes = statistics.LifetimesBy([100, 1000], [6.5, 10.0]);
        Assert.Multiple(() =>
        {
            Assert.That(periods[0, 1], Is.EqualTo((1, 10L)));
            Assert.That(periods[1, 1], Is.EqualTo((1, 100L)));
            Assert.That(periods[2, 0], Is.EqualTo((1, 1000L)));
            Assert.That(periods[1, 0], Is.EqualTo((0, 0L)));
            // The activation lives 6 s, the tensor that wraps around 4 + 1 + 2 s, the weight always.
            Assert.That(lifetimes[0, 0], Is.EqualTo((1, 10L)));
            Assert.That(lifetimes[2, 1], Is.EqualTo((1, 1000L)));
            Assert.That(lifetimes[1, 2], Is.EqualTo((1, 100L)));
        });
    }

    [Test]
    public void A_comparison_says_by_how_much_figures_differ()
    {
        Trace trace = FourOps();
        TraceComparison same = TraceComparison.Of(trace, trace);
        TraceComparison slower = TraceComparison.Of(trace.WithSeconds([2, 4, 6, 8]), trace);
        Assert.Multiple(() =>
        {
            Assert.That(same.Rows.Select(static r => r.Difference), Is.All.Zero);
            Assert.That(slower.Rows.Single(static r => r.What == "ideal, seconds").Difference, Is.EqualTo(1).Within(1e-9));
            Assert.That(slower.Rows.Count(static r => r.Difference != 0), Is.EqualTo(1));
        });
    }
}
