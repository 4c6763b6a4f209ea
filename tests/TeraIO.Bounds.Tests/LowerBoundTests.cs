using TeraIO.Core;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds.Tests;

public class LowerBoundTests
{
    private const AccessKind Create = AccessKind.Create, Read = AccessKind.Read, Write = AccessKind.Write, Free = AccessKind.Free;
    private const double Tolerance = 1e-6;

    /// <summary>An activation of 100 bytes idles while an op with 100 bytes of its own runs.</summary>
    private static Trace ActivationAcrossOneOp()
    {
        var iteration = new Iteration();
        int kept = iteration.Transient(100), other = iteration.Transient(100);
        return iteration.Op((kept, Create)).Op((other, Create | Free)).Op((kept, Read | Free)).Build();
    }

    [Test]
    public void All_that_fits_needs_no_traffic()
    {
        LowerBoundResult bound = LowerBound.Compute(ActivationAcrossOneOp(), Iteration.Machine(200, 1, 1));
        Assert.Multiple(() =>
        {
            Assert.That(bound.StepSeconds, Is.EqualTo(3));
            Assert.That(bound.BytesRead + bound.BytesWritten + bound.BytesMoved, Is.Zero);
            Assert.That(bound.Active, Is.EqualTo(ActiveBound.Compute));
            Assert.That(bound.IsExact);
        });
    }

    [Test]
    public void An_activation_that_idles_for_one_op_stalls_for_its_write_and_its_read()
    {
        // 50 bytes must leave between op 0 and op 1 (1 s) and come back between op 1 and op 2 (2 s): op 1 has no room for a read beside it.
        LowerBoundResult bound = LowerBound.Compute(ActivationAcrossOneOp(), Iteration.Machine(150, read: 25, write: 50));
        Assert.Multiple(() =>
        {
            Assert.That(bound.StepSeconds, Is.EqualTo(6).Within(Tolerance));
            Assert.That(bound.BytesRead, Is.EqualTo(50).Within(1));
            Assert.That(bound.BytesWritten, Is.EqualTo(50).Within(1));
            Assert.That(bound.BytesMoved, Is.EqualTo(100).Within(1));
            Assert.That(bound.Active, Is.EqualTo(ActiveBound.Stalls));
            Assert.That(bound.SolverStatus, Is.EqualTo("OPTIMAL"));
        });
    }

    [Test]
    public void Bytes_that_the_store_holds_are_dropped_and_only_read_back()
    {
        var iteration = new Iteration();
        int frozen = iteration.Persistent(100), other = iteration.Transient(100);
        Trace trace = iteration.Op((frozen, Read)).Op((other, Create | Free)).Op((frozen, Read)).Build();
        LowerBoundResult bound = LowerBound.Compute(trace, Iteration.Machine(150, read: 25, write: 50));
        Assert.Multiple(() =>
        {
            Assert.That(bound.StepSeconds, Is.EqualTo(5).Within(Tolerance));
            Assert.That(bound.BytesWritten, Is.Zero);
            Assert.That(bound.BytesRead, Is.EqualTo(50).Within(1));
        });
    }

    [Test]
    public void One_write_serves_all_gaps_until_the_next_change()
    {
        var iteration = new Iteration();
        int weight = iteration.Persistent(100), other = iteration.Transient(100), another = iteration.Transient(100), third = iteration.Transient(100);
        Trace trace = iteration.Op((weight, Read | Write)).Op((other, Create | Free)).Op((weight, Read)).Op((another, Create | Free)).Op((weight, Read)).Op((third, Create | Free)).Build();
        LowerBoundResult bound = LowerBound.Compute(trace, Iteration.Machine(150, read: 50, write: 50));
        Assert.Multiple(() =>
        {
            Assert.That(bound.BytesWritten, Is.EqualTo(50).Within(1));
            Assert.That(bound.BytesRead, Is.EqualTo(150).Within(1));
            Assert.That(bound.StepSeconds, Is.EqualTo(6 + 1 + 3).Within(Tolerance));
        });
    }

    [TestCase(50, 5)]
    [TestCase(25, 6, Description = "The read takes 2 s, of which the op before the use hides one.")]
    public void Ops_hide_transfers_as_far_as_they_last(double readBandwidth, double seconds)
    {
        var iteration = new Iteration();
        int kept = iteration.Transient(100), other = iteration.Transient(100);
        Trace trace = iteration.Op((kept, Create)).Op().Op((other, Create | Free)).Op().Op((kept, Read | Free)).Build();
        Assert.That(LowerBound.Compute(trace, Iteration.Machine(150, readBandwidth, write: 50)).StepSeconds, Is.EqualTo(seconds).Within(Tolerance));
    }

    [Test]
    public void A_gap_that_wraps_around_the_iteration_is_used()
    {
        // The weight is needed by op 1 only: it can leave after it and come back before it, an iteration later.
        var iteration = new Iteration();
        int weight = iteration.Persistent(100), other = iteration.Transient(100);
        Trace trace = iteration.Op().Op((weight, Read)).Op().Op((other, Create | Free)).Build();
        LowerBoundResult bound = LowerBound.Compute(trace, Iteration.Machine(150, read: 50, write: 1));
        Assert.Multiple(() =>
        {
            Assert.That(bound.StepSeconds, Is.EqualTo(4).Within(Tolerance));
            Assert.That(bound.BytesRead, Is.EqualTo(50).Within(1));
        });
    }

    [Test]
    public void What_dies_without_another_use_need_not_come_back()
    {
        var iteration = new Iteration();
        int kept = iteration.Transient(100), other = iteration.Transient(100);
        Trace trace = iteration.Op((kept, Create)).Op((other, Create | Free)).Op((kept, Free)).Build();
        LowerBoundResult bound = LowerBound.Compute(trace, Iteration.Machine(150, read: 25, write: 50));
        Assert.Multiple(() =>
        {
            Assert.That(bound.StepSeconds, Is.EqualTo(4).Within(Tolerance));
            Assert.That(bound.BytesRead, Is.Zero);
        });
    }

    [Test]
    public void Transfers_beside_ops_cost_what_they_take_from_them()
    {
        var iteration = new Iteration();
        int kept = iteration.Transient(100), other = iteration.Transient(100);
        Trace trace = iteration.Op((kept, Create)).Op().Op((other, Create | Free)).Op().Op((kept, Read | Free)).Build();
        MachineModel machine = Iteration.Machine(150, read: 50, write: 50) with { ComputeSecondsPerByte = 0.005 };
        // 50 bytes beside op 1 and 50 beside op 3 take a quarter of a second each; in a wait they would take a whole one.
        Assert.That(LowerBound.Compute(trace, machine).StepSeconds, Is.EqualTo(5.5).Within(Tolerance));
    }

    [TestCase(0, 5)]
    [TestCase(0.5, 5 + 1.0 / 3, Description = "Both directions run at three quarters of their bandwidth.")]
    [TestCase(1, 6)]
    public void Reads_and_writes_at_once_share_the_path(double interference, double seconds)
    {
        // Between op 0 and op 2 the one tensor must leave and the other come back, 100 bytes each at 100 bytes per second.
        var iteration = new Iteration();
        int leaves = iteration.Transient(100), comes = iteration.Persistent(100), first = iteration.Transient(100), second = iteration.Transient(100);
        Trace trace = iteration.Op((leaves, Create), (first, Create | Free)).Op().Op((comes, Read), (second, Create | Free)).Op().Op((leaves, Read | Free)).Build();
        Assert.That(LowerBound.Compute(trace, Iteration.Machine(200, 100, 100, interference)).StepSeconds, Is.EqualTo(seconds).Within(Tolerance));
    }

    [Test]
    public void Host_memory_takes_what_it_can_hold()
    {
        Trace trace = ActivationAcrossOneOp();
        MachineModel machine = Iteration.Machine(150, read: 25, write: 25) with { Host = new TierModel { ReadBandwidth = 1e6, WriteBandwidth = 1e6, Capacity = 30 } };
        LowerBoundResult bound = LowerBound.Compute(trace, machine);
        Assert.Multiple(() =>
        {
            Assert.That(bound.BytesRead, Is.EqualTo(20).Within(1));
            Assert.That(bound.StepSeconds, Is.EqualTo(3 + 2 * 20 / 25.0).Within(1e-3));
        });
    }

    [Test]
    public void An_op_that_cannot_fit_is_named_with_the_budget_that_would_do()
    {
        var iteration = new Iteration(baseline: 10);
        int pinned = iteration.Persistent(20, isMovable: false), big = iteration.Transient(100);
        Trace trace = iteration.Op((pinned, Read)).Op((big, Create | Free)).Build();
        LowerBoundResult bound = LowerBound.Compute(trace, Iteration.Machine(129, 1, 1));
        Assert.Multiple(() =>
        {
            Assert.That(bound.Feasible, Is.False);
            Assert.That(bound.SmallestBudget, Is.EqualTo(130));
            Assert.That(bound.InfeasibleReason, Does.Contain("Op 1 (op1)").And.Contain("130 bytes"));
            Assert.That(LowerBound.Compute(trace, Iteration.Machine(130, 1, 1)).Feasible);
        });
    }

    [Test]
    public void Options_and_machines_that_make_no_sense_are_refused()
    {
        Trace trace = ActivationAcrossOneOp();
        Assert.Multiple(() =>
        {
            Assert.Throws<ConfigurationException>(() => LowerBound.Compute(trace, Iteration.Machine(150, 0, 1)));
            Assert.Throws<ConfigurationException>(() => LowerBound.Compute(trace, Iteration.Machine(150, 1, double.NaN)));
            Assert.Throws<ConfigurationException>(() => LowerBound.Compute(trace, Iteration.Machine(150, 1, 1, interference: 2)));
            Assert.Throws<ConfigurationException>(() => LowerBound.Compute(trace, Iteration.Machine(150, 1, 1), new LowerBoundOptions { MaxCheckpoints = 1 }));
        });
    }

    [TestCase(0.3)]
    [TestCase(0.6)]
    public void Fewer_checkpoints_give_a_lower_bound(double share)
    {
        Trace trace = LayeredTrace.Create(layers: 8, opsPerLayer: 6);
        long peak = 0;
        foreach (long bytes in new MemoryDemand(trace).Live) peak = Math.Max(peak, bytes);
        double bandwidth = peak / trace.IdealSeconds;
        MachineModel machine = Iteration.Machine((long)(share * peak), bandwidth, bandwidth * 0.8, interference: 0.3);
        LowerBoundResult before = LowerBound.Compute(trace, machine, new LowerBoundOptions { MaxCheckpoints = 4 });
        foreach (int most in new[] { 16, 64, 10_000 })
        {
            LowerBoundResult finer = LowerBound.Compute(trace, machine, new LowerBoundOptions { MaxCheckpoints = most });
            Assert.That(finer.StepSeconds, Is.GreaterThanOrEqualTo(before.StepSeconds * (1 - Tolerance)), $"{most} checkpoints");
            Assert.That(finer.BytesMoved, Is.GreaterThanOrEqualTo(before.BytesMoved - 1), $"{most} checkpoints");
            before = finer;
        }

        Assert.That(before.IsExact);
        Assert.That(before.StepSeconds, Is.GreaterThan(trace.IdealSeconds * 1.05));
    }

    [Test]
    public void A_solver_without_time_leaves_a_bound_that_holds()
    {
        LowerBoundResult bound = LowerBound.Compute(ActivationAcrossOneOp(), Iteration.Machine(150, 25, 50), new LowerBoundOptions { TimeLimit = TimeSpan.Zero });
        Assert.That(bound.StepSeconds, Is.InRange(3, 6 + Tolerance));
    }
}
