using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Simulation;

/// <summary>Each rule of the engine on a trace whose timeline is worked out by hand. Bytes are small and bandwidths in bytes per second.</summary>
[TestFixture]
public class SimulatorRulesTests
{
    private const double Tolerance = 1e-9;

    [Test]
    public void A_late_prefetch_is_waited_for()
    {
        // W is dropped at 1, asked for again at 3 (before op 3), there at 5: op 0 of the next iteration waits from 4 to 5.
        TinyTrace tiny = WeightAndActivation("W:r").Offload("W", after: 0).Prefetch("W", before: 3);
        SimulationResult result = Run(tiny, budget: 4, read: 2);

        Assert.That(result.IsSteady, Is.True);
        Assert.That(result.StepSeconds, Is.EqualTo(5).Within(Tolerance));
        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 1, 0, 0, 0 }).Within(Tolerance));
        Assert.That(result.StallCausePerOp[0], Is.EqualTo(StallCause.LatePrefetch));
        Assert.That(result.OpStart, Is.EqualTo(new double[] { 1, 2, 3, 4 }).Within(Tolerance));
        Assert.That(result.UnplannedMigrations, Is.Zero);
    }

    [Test]
    public void A_clean_tensor_is_dropped_without_a_write()
    {
        TinyTrace tiny = WeightAndActivation("W:r").Offload("W", after: 0).Prefetch("W", before: 2);
        SimulationResult result = Run(tiny, budget: 4, read: 2, write: 1e-3);

        Assert.That(result.StepSeconds, Is.EqualTo(4).Within(Tolerance));
        Assert.That(result.BytesWritten, Is.Zero);
        Assert.That(result.BytesRead, Is.EqualTo(4));
    }

    [Test]
    public void A_dirty_tensor_is_written_before_its_memory_goes()
    {
        // Written from 1 to 3: op 1 waits two seconds for the room.
        TinyTrace tiny = WeightAndActivation("W:rw").Offload("W", after: 0).Prefetch("W", before: 2);
        SimulationResult result = Run(tiny, budget: 4, read: 4, write: 2);

        Assert.That(result.StepSeconds, Is.EqualTo(6).Within(Tolerance));
        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 0, 2, 0, 0 }).Within(Tolerance));
        Assert.That(result.StallCausePerOp[1], Is.EqualTo(StallCause.NoRoom));
        Assert.That(result.BytesWritten, Is.EqualTo(4));
        Assert.That(result.UnplannedMigrations, Is.Zero, "the offload in flight is waited for, nothing else is sent away");
        Assert.That(result.PeakBytes, Is.EqualTo(4));
    }

    [Test]
    public void What_nobody_asked_for_is_read_on_demand()
    {
        SimulationResult result = Run(WeightAndActivation("W:r"), budget: 4, read: 2);

        Assert.That(result.StepSeconds, Is.EqualTo(6).Within(Tolerance));
        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 2, 0, 0, 0 }).Within(Tolerance));
        Assert.That(result.StallCausePerOp[0], Is.EqualTo(StallCause.OnDemandRead));
        Assert.That(result.UnplannedMigrations, Is.EqualTo(2), "an eviction and a read");
    }

    [Test]
    public void An_eviction_of_a_dirty_tensor_is_waited_for()
    {
        SimulationResult result = Run(WeightAndActivation("W:rw"), budget: 4, read: 2, write: 4);

        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 2, 1, 0, 0 }).Within(Tolerance));
        Assert.That(result.StallCausePerOp.Take(2), Is.EqualTo(new[] { StallCause.OnDemandRead, StallCause.NoRoom }));
    }

    [Test]
    public void Prefetches_wait_for_room_in_order()
    {
        // Counted from the end of op 0's wait, A leaves at 3. Only then is there room for V, which U waits behind although U would fit at 2: V is read from 3
        // to 5, U from 5 to 6. So op 0 waits from 4 to 6, and all times are 2 s later counted from the iteration's begin.
        TinyTrace tiny = new TinyTrace().Weight("V", 4).Weight("U", 2).Activation("A", 4)
            .Op(1, "V:r", "U:r").Op(1, "A:c").Op(1, "A:rf").Op(1)
            .Offload("V", after: 0).Offload("U", after: 0).Prefetch("V", before: 2).Prefetch("U", before: 2);
        SimulationResult result = Run(tiny, budget: 6, read: 2);

        Assert.That(result.StepSeconds, Is.EqualTo(6).Within(Tolerance));
        Assert.That(result.StallCausePerOp[0], Is.EqualTo(StallCause.LatePrefetch));
        Assert.That(result.Transfers.Select(t => (t.Tensor, t.Issued, t.Started, t.Ended)), Is.EqualTo(new[] { (tiny["V"], 4.0, 5.0, 7.0), (tiny["U"], 4.0, 7.0, 8.0) }));
    }

    [Test]
    public void Prefetches_leave_room_for_what_the_next_op_creates()
    {
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Activation("A", 4)
            .Op(1, "W:r").Op(1).Op(1, "A:cf").Op(1)
            .Offload("W", after: 0).Prefetch("W", before: 2);
        SimulationResult result = Run(tiny, budget: 6, read: 4);

        Assert.That(result.StepSeconds, Is.EqualTo(4).Within(Tolerance));
        Assert.That(result.Transfers.Single().Started, Is.EqualTo(3).Within(Tolerance));
        Assert.That(result.UnplannedMigrations, Is.Zero);
    }

    [Test]
    public void Workspace_needs_room_while_the_op_runs()
    {
        TinyTrace tiny = new TinyTrace(baselineBytes: 1).Weight("W", 4).Op(1, "W:r").Op(1, workspaceBytes: 4).Op(1);
        SimulationResult result = Run(tiny, budget: 5, read: 4);

        Assert.That(result.MemoryPerOp, Is.EqualTo(new long[] { 5, 5, 1 }));
        Assert.That(result.PeakBytes, Is.EqualTo(5));
        Assert.That(result.BytesRead, Is.EqualTo(4));
    }

    [Test]
    public void A_tensor_that_is_wanted_back_while_it_is_written_stays()
    {
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Op(1, "W:rw").Op(1).Op(1).Op(1).Offload("W", after: 0).Prefetch("W", before: 2);
        SimulationResult result = Run(tiny, budget: 8, read: 1, write: 1.6);

        Assert.That(result.StepSeconds, Is.EqualTo(4).Within(Tolerance));
        Assert.That(result.BytesWritten, Is.EqualTo(4));
        Assert.That(result.BytesRead, Is.Zero);
    }

    [Test]
    public void A_write_that_the_tensor_outran_does_not_take_it_away()
    {
        // Written from 1 to 4; op 1 needs and changes it at 2: it stays, and its copy is stale.
        TinyTrace tiny = new TinyTrace().Weight("W", 3).Op(1, "W:rw").Op(1).Op(1, "W:rw").Op(2).Offload("W", after: 0);
        SimulationResult result = Run(tiny, budget: 8, read: 1, write: 1);

        Assert.That(result.StepSeconds, Is.EqualTo(5).Within(Tolerance));
        Assert.That(result.BytesWritten, Is.EqualTo(3));
        Assert.That(result.BytesRead, Is.Zero);
    }

    [TestCase(0, 2.0)]
    [TestCase(0.5, 1 + 4.0 / 3)]
    [TestCase(1, 3.0)]
    public void Reads_and_writes_at_once_slow_each_other_down(double interference, double end)
    {
        TinyTrace tiny = new TinyTrace().Weight("V", 4).Weight("U", 4)
            .Op(1, "V:rw").Op(4).Op(1, "U:r")
            .Offload("V", after: 0).Prefetch("V", before: 2).Offload("U", after: 2).Prefetch("U", before: 1);
        SimulationResult result = Run(tiny, budget: 100, read: 4, write: 4, interference: interference);

        Assert.That(result.StepSeconds, Is.EqualTo(6).Within(Tolerance));
        SimulatedTransfer write = result.Transfers.Single(t => t.Kind == MigrationKind.Offload);
        SimulatedTransfer read = result.Transfers.Single(t => t.Tensor == tiny["U"]);
        Assert.That((write.Started, write.Ended), Is.EqualTo((1.0, end)).Within(Tolerance));
        Assert.That((read.Started, read.Ended), Is.EqualTo((1.0, end)).Within(Tolerance));
    }

    [Test]
    public void A_transfer_that_is_alone_again_has_its_full_rate()
    {
        // Half the rate each: U's 2 bytes from 1 to 2. V has 2 of 4 left, now at 4 bytes per second.
        TinyTrace tiny = new TinyTrace().Weight("V", 4).Weight("U", 2)
            .Op(1, "V:rw").Op(4).Op(1, "U:r")
            .Offload("V", after: 0).Prefetch("V", before: 2).Offload("U", after: 2).Prefetch("U", before: 1);
        SimulationResult result = Run(tiny, budget: 100, read: 4, write: 4, interference: 1);

        Assert.That(result.Transfers.Single(t => t.Tensor == tiny["U"]).Ended, Is.EqualTo(2).Within(Tolerance));
        Assert.That(result.Transfers.Single(t => t.Kind == MigrationKind.Offload).Ended, Is.EqualTo(2.5).Within(Tolerance));
    }

    [TestCase(1, new[] { 6.0, 10, 14 })]
    [TestCase(2, new[] { 6.0, 7, 10 })]
    [TestCase(3, new[] { 6.0, 7, 8 })]
    public void Latencies_overlap_up_to_the_queue_depth(int depth, double[] ends)
    {
        // Asked for at 2; 3 s of latency and 1 s of transfer each.
        TinyTrace tiny = new TinyTrace().Weight("T", 2).Weight("U", 2).Weight("V", 2).Op(1, "T:r", "U:r", "V:r").Op(1).Op(20);
        foreach (string name in new[] { "T", "U", "V" }) tiny.Offload(name, after: 0).Prefetch(name, before: 2);
        SimulationResult result = Run(tiny, budget: 100, read: 2, latency: 3, depth: depth);

        Assert.That(result.Transfers.Select(static t => t.Ended), Is.EqualTo(ends).Within(Tolerance));
        Assert.That(result.Transfers.Select(static t => t.Issued), Has.All.EqualTo(2).Within(Tolerance));
    }

    [Test]
    public void An_urgent_read_goes_before_a_planned_one_in_progress()
    {
        // W is read from 2. Op 2 needs X: read from 2 to 3 while W stands still; W from 3 to 7; op 0 waits from 5 to 7.
        TinyTrace tiny = new TinyTrace().Weight("W", 8).Weight("X", 2)
            .Op(1, "W:r").Op(1).Op(1, "X:r").Op(1)
            .Offload("W", after: 0).Prefetch("W", before: 2).Offload("X", after: 2);
        SimulationResult result = Run(tiny, budget: 100, read: 2);

        Assert.That(result.StepSeconds, Is.EqualTo(7).Within(Tolerance));
        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 2, 0, 1, 0 }).Within(Tolerance));
        Assert.That(result.StallCausePerOp, Is.EqualTo(new[] { StallCause.LatePrefetch, StallCause.None, StallCause.OnDemandRead, StallCause.None }));
        Assert.That(result.UnplannedMigrations, Is.EqualTo(1));
    }

    [Test]
    public void A_life_that_wraps_around_counts_on_both_ends()
    {
        TinyTrace tiny = new TinyTrace().Activation("A", 4).Op(1, "A:rf").Op(1).Op(1, "A:c").Op(1);
        SimulationResult result = Run(tiny, budget: 4, read: 1);

        Assert.That(result.MemoryPerOp, Is.EqualTo(new long[] { 4, 0, 4, 4 }));
        Assert.That(result.StepSeconds, Is.EqualTo(4).Within(Tolerance));
    }

    [Test]
    public void Memory_of_a_tensor_freed_while_it_is_written_goes_when_the_write_ends()
    {
        // T's write, from 1 to 5, outlives T, which dies at 2: op 2 waits for the memory until 5.
        TinyTrace tiny = new TinyTrace().Activation("T", 4).Activation("A", 4)
            .Op(1, "T:c").Op(1, "T:f").Op(1, "A:cf")
            .Offload("T", after: 0);
        SimulationResult result = Run(tiny, budget: 6, read: 1, write: 1);

        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 0, 0, 3 }).Within(Tolerance));
        Assert.That(result.StallCausePerOp[2], Is.EqualTo(StallCause.NoRoom));
        Assert.That(result.PeakBytes, Is.EqualTo(4));
    }

    [TestCase(EvictionOrder.LeastRecentlyUsed, "X", 3)]
    [TestCase(EvictionOrder.FarthestNextUse, "Y", 1)]
    public void Evictions_follow_the_order_of_the_plan(EvictionOrder order, string evicted, int stalledOp)
    {
        TinyTrace tiny = new TinyTrace().Weight("X", 2).Weight("Y", 2).Activation("A", 2)
            .Op(1, "X:r").Op(1, "Y:r").Op(1, "A:cf").Op(1, "X:r");
        SimulationResult result = Run(tiny, budget: 4, read: 2, order: order);

        Assert.That(result.Transfers.Single().Tensor, Is.EqualTo(tiny[evicted]));
        Assert.That(result.StallPerOp[stalledOp], Is.EqualTo(1).Within(Tolerance));
    }

    [Test]
    public void Of_tensors_with_the_same_next_use_a_clean_one_leaves()
    {
        // The plan moves C out and in at once, so that SSD has a copy of it.
        TinyTrace tiny = new TinyTrace().Weight("D", 2).Weight("C", 2).Activation("A", 2)
            .Op(1, "D:rw", "C:r").Op(2).Op(1, "A:cf")
            .Offload("C", after: 0).Prefetch("C", before: 1);
        SimulationResult result = Run(tiny, budget: 4, read: 2, write: 2);

        Assert.That(result.BytesWritten, Is.Zero);
        Assert.That(result.Transfers.Select(static t => t.Tensor), Is.EqualTo(new[] { tiny["C"], tiny["C"] }));
        Assert.That(result.StallCausePerOp[0], Is.EqualTo(StallCause.OnDemandRead));
    }

    [Test]
    public void What_cannot_move_stays()
    {
        TinyTrace tiny = new TinyTrace().Weight("F", 2, isMovable: false).Weight("W", 2).Activation("A", 2)
            .Op(1, "F:r").Op(1, "W:r").Op(1, "A:cf")
            .Offload("F", after: 0).Prefetch("F", before: 2);
        SimulationResult result = Run(tiny, budget: 4, read: 2);

        Assert.That(result.Transfers.Select(static t => t.Tensor), Is.EqualTo(new[] { tiny["W"] }));
        Assert.That(result.MemoryPerOp, Is.EqualTo(new long[] { 2, 4, 4 }));
    }

    [TestCase(1, 4.0)]
    [TestCase(0.5, 6.0)]
    public void Part_of_a_tensor_moves_and_the_op_needs_all_of_it(double read, double step)
    {
        // The first 2 of W's 4 bytes leave at 1 and come back from 2 on.
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Activation("A", 2)
            .Op(1, "W:r").Op(1, "A:cf").Op(1).Op(1)
            .Offload("W", after: 0, bytes: 2).Prefetch("W", before: 2, bytes: 2);
        SimulationResult result = Run(tiny, budget: 4, read: read);

        Assert.That(result.StepSeconds, Is.EqualTo(step).Within(Tolerance));
        Assert.That(result.BytesRead, Is.EqualTo(2));
        Assert.That(result.MemoryPerOp, Is.EqualTo(new long[] { 4, 4, 4, 4 }));
        Assert.That(result.UnplannedMigrations, Is.Zero);
    }

    [Test]
    public void Parts_of_a_tensor_are_evicted_one_by_one()
    {
        // Of W, cut at 2 and 4 of 6 bytes by the plan, one part of 2 bytes makes room enough for A.
        TinyTrace tiny = new TinyTrace().Weight("W", 6).Activation("A", 2)
            .Op(1, "W:r").Op(1, "A:cf")
            .Prefetch("W", before: 0, offset: 2, bytes: 2);
        SimulationResult result = Run(tiny, budget: 6, read: 2);

        Assert.That(result.BytesRead, Is.EqualTo(2));
        Assert.That(result.MemoryPerOp, Has.All.EqualTo(6));
    }

    [Test]
    public void A_discarded_tensor_is_computed_again_at_the_price_of_its_op()
    {
        TinyTrace tiny = new TinyTrace().Weight("I", 1).Activation("A", 4).Activation("B", 4)
            .Op(2, "I:r", "A:c").Op(1, "B:cf").Op(1, "A:rf")
            .Discard("A", after: 0).Recompute("A", before: 2);
        SimulationResult result = Run(tiny, budget: 5, read: 1);

        Assert.That(result.StepSeconds, Is.EqualTo(6).Within(Tolerance));
        Assert.That(result.RecomputeSeconds, Is.EqualTo(2).Within(Tolerance));
        Assert.That(result.StallSeconds, Is.Zero.Within(Tolerance));
        Assert.That(result.BytesRead + result.BytesWritten, Is.Zero);
        Assert.That(result.OpStart[2], Is.EqualTo(5).Within(Tolerance));
        Assert.That(result.PeakBytes, Is.EqualTo(5));
    }

    [Test]
    public void A_discarded_input_is_computed_again_first()
    {
        TinyTrace tiny = new TinyTrace().Weight("I", 1).Activation("A", 4).Activation("B", 4).Activation("C", 8)
            .Op(2, "I:r", "A:c").Op(3, "A:r", "B:c").Op(1, "C:cf").Op(1, "B:rf").Op(1, "A:rf")
            .Discard("A", after: 1).Discard("B", after: 1).Recompute("B", before: 3).Recompute("A", before: 4);
        SimulationResult result = Run(tiny, budget: 9, read: 1);

        Assert.That(result.StepSeconds, Is.EqualTo(13).Within(Tolerance));
        Assert.That(result.RecomputeSeconds, Is.EqualTo(5).Within(Tolerance));
        Assert.That(result.BytesRead + result.BytesWritten, Is.Zero);
    }

    [Test]
    public void An_op_that_needs_a_discarded_tensor_early_has_it_computed_again()
    {
        TinyTrace tiny = new TinyTrace().Weight("I", 1).Activation("A", 4)
            .Op(2, "I:r", "A:c").Op(1, "A:r").Op(1, "A:rf")
            .Discard("A", after: 0).Recompute("A", before: 2);
        Assert.That(Run(tiny, budget: 9, read: 1).StepSeconds, Is.EqualTo(6).Within(Tolerance));
    }

    [TestCase("I:rw", Description = "the creating op's input is changed before the recomputation")]
    [TestCase("A:rw", Description = "the tensor is changed after its creation")]
    public void A_discard_that_cannot_be_made_good_is_an_offload(string inBetween)
    {
        TinyTrace tiny = new TinyTrace().Weight("I", 1).Activation("A", 4).Activation("B", 4)
            .Op(2, "I:r", "A:c").Op(1, inBetween).Op(1, "B:cf").Op(1, "A:rf")
            .Discard("A", after: 1).Recompute("A", before: 3);
        SimulationResult result = Run(tiny, budget: 5, read: 4, write: 4);

        Assert.That(result.RecomputeSeconds, Is.Zero);
        Assert.That((result.BytesWritten, result.BytesRead), Is.EqualTo((4, 4)));
        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 0, 0, 1, 1 }).Within(Tolerance));
    }

    [Test]
    public void Transfers_slow_ops_down()
    {
        // W arrives from 1 to 2, half of the compute goes to it meanwhile: op 1 takes 2.5 s for 2.
        TinyTrace tiny = new TinyTrace().Weight("W", 4).Op(1, "W:r").Op(2).Op(1).Offload("W", after: 0).Prefetch("W", before: 1);
        SimulationResult result = Simulator.Run(tiny.Trace, tiny.ToPlan(), Machine(8, 4, 4) with { ComputeSecondsPerByte = 0.125 });

        Assert.That(result.StepSeconds, Is.EqualTo(4.5).Within(Tolerance));
        Assert.That(result.ComputeOverheadSeconds, Is.EqualTo(0.5).Within(Tolerance));
        Assert.That(result.StallSeconds, Is.Zero.Within(Tolerance));
        Assert.That(result.OpEnd[1], Is.EqualTo(3.5).Within(Tolerance));
    }

    [TestCase(0, 5.0)]
    [TestCase(1, 4.0)]
    [TestCase(9, 4.0, Description = "never before the offload")]
    public void A_host_that_runs_ahead_asks_earlier(int opsAhead, double step)
    {
        TinyTrace tiny = WeightAndActivation("W:r").Offload("W", after: 0).Prefetch("W", before: 3);
        SimulationResult result = Simulator.Run(tiny.Trace, tiny.ToPlan(), Machine(4, 2, 2), new SimulationOptions { HostAheadOps = opsAhead });

        Assert.That(result.StepSeconds, Is.EqualTo(step).Within(Tolerance));
        Assert.That(result.UnplannedMigrations, Is.Zero);
    }

    [TestCase(8, 8, 0)]
    [TestCase(7, 4, 4)]
    [TestCase(0, 0, 8)]
    public void Host_memory_takes_what_fits_and_the_rest_goes_to_ssd(long capacity, long toHost, long toSsd)
    {
        TinyTrace tiny = new TinyTrace().Weight("V", 4).Weight("U", 4).Activation("A", 8)
            .Op(1, "V:rw", "U:rw").Op(1).Op(1, "A:cf").Op(1)
            .Offload("V", after: 0, MemoryTier.Host).Offload("U", after: 0, MemoryTier.Host)
            .Prefetch("V", before: 3, MemoryTier.Host).Prefetch("U", before: 3, MemoryTier.Host);
        MachineModel machine = Machine(8, 8, 8) with { Host = new TierModel { ReadBandwidth = 8, WriteBandwidth = 8, Capacity = capacity } };
        SimulationResult result = Simulator.Run(tiny.Trace, tiny.ToPlan(), machine);

        Assert.That((result.HostBytesWritten, result.HostBytesRead), Is.EqualTo((toHost, toHost)));
        Assert.That((result.BytesWritten, result.BytesRead), Is.EqualTo((toSsd, toSsd)));
        Assert.That(result.StepSeconds, Is.EqualTo(4).Within(Tolerance));
    }

    [Test]
    public void The_two_tiers_do_not_slow_each_other_down()
    {
        TinyTrace tiny = new TinyTrace().Weight("V", 4).Weight("U", 4)
            .Op(1, "V:rw", "U:rw").Op(8)
            .Offload("V", after: 0, MemoryTier.Host).Prefetch("V", before: 0, MemoryTier.Host).Offload("U", after: 0).Prefetch("U", before: 0);
        MachineModel machine = Machine(8, 2, 2) with { Host = new TierModel { ReadBandwidth = 4, WriteBandwidth = 4, Interference = 1 } };
        SimulationResult result = Simulator.Run(tiny.Trace, tiny.ToPlan(), machine, new SimulationOptions { RecordTransfers = true });

        Assert.That(result.Transfers.Single(t => t.Kind == MigrationKind.Offload && t.Tier == MemoryTier.Host).Ended, Is.EqualTo(result.OpEnd[0] + 1).Within(Tolerance));
        Assert.That(result.Transfers.Single(t => t.Kind == MigrationKind.Offload && t.Tier == MemoryTier.Ssd).Ended, Is.EqualTo(result.OpEnd[0] + 2).Within(Tolerance));
    }

    [Test]
    public void Without_a_plan_for_host_memory_evictions_use_it_first()
    {
        MachineModel machine = Machine(4, 2, 2) with { Host = new TierModel { ReadBandwidth = 4, WriteBandwidth = 4, Capacity = 4 } };
        SimulationResult result = Simulator.Run(WeightAndActivation("W:rw").Trace, WeightAndActivation("W:rw").ToPlan(), machine);

        Assert.That((result.HostBytesWritten, result.BytesWritten), Is.EqualTo((4, 0)));
        Assert.That(result.StallPerOp, Is.EqualTo(new double[] { 1, 1, 0, 0 }).Within(Tolerance));
    }

    [Test]
    public void A_tier_without_space_for_an_eviction_makes_the_plan_infeasible()
    {
        TinyTrace tiny = WeightAndActivation("W:rw");
        MachineModel machine = Machine(4, 2, 2);
        machine = machine with { Storage = machine.Storage with { Capacity = 3 } };
        SimulationResult result = Simulator.Run(tiny.Trace, tiny.ToPlan(), machine);

        Assert.That(result.Feasible, Is.False);
        Assert.That(result.InfeasibleReason, Does.Contain("Op 1 (op1)").And.Contain("Capacity"));
    }

    [Test]
    public void A_budget_that_is_too_small_is_answered_with_op_need_and_smallest_budget()
    {
        TinyTrace tiny = new TinyTrace(baselineBytes: 1).Weight("W", 4).Activation("A", 4).Op(1, "W:r").Op(1, workspaceBytes: 2, "W:r", "A:cf");
        SimulationResult result = Simulator.Run(tiny.Trace, tiny.ToPlan(), Machine(10, 1, 1));

        Assert.That(result.Feasible, Is.False);
        Assert.That(result.InfeasibleReason, Does.Contain("Op 1 (op1) needs 11 B").And.Contain("11 bytes").And.Contain("10 B"));
        Assert.That(Simulator.Run(tiny.Trace, tiny.ToPlan(), Machine(11, 1, 1)).Feasible, Is.True);
    }

    [Test]
    public void A_plan_for_another_trace_is_refused()
    {
        TinyTrace tiny = WeightAndActivation("W:r");
        MigrationPlan plan = tiny.ToPlan();
        Assert.That(() => Simulator.Run(tiny.Trace, plan with { OpCount = 5 }, Machine(8, 1, 1)), Throws.TypeOf<TraceFormatException>().With.Message.Contains("5 ops"));
        AssertRefused(plan, new PlannedMigration(MigrationKind.Offload, 7, 0, 4, MemoryTier.Ssd, true, 0, 0), "names tensor 7");
        AssertRefused(plan, new PlannedMigration(MigrationKind.Offload, 0, 0, 4, MemoryTier.Ssd, true, 4, 0), "issued at op 4");
        AssertRefused(plan, new PlannedMigration(MigrationKind.Offload, 0, 2, 4, MemoryTier.Ssd, true, 0, 0), "moves 4 bytes from byte 2");
        AssertRefused(plan, new PlannedMigration(MigrationKind.Discard, 0, 0, 2, MemoryTier.Ssd, true, 0, 0), "a part of tensor 0");

        void AssertRefused(MigrationPlan planned, PlannedMigration migration, string message) => Assert.That(
            () => Simulator.Run(tiny.Trace, planned with { Migrations = [migration] }, Machine(8, 1, 1)), Throws.TypeOf<TraceFormatException>().With.Message.Contains(message));
    }

    [Test]
    public void An_impossible_machine_is_refused()
    {
        TinyTrace tiny = WeightAndActivation("W:r");
        AssertRefused(Machine(0, 1, 1), "budget");
        AssertRefused(Machine(8, 0, 1), "ReadBandwidth");
        AssertRefused(Machine(8, 1, double.NaN), "WriteBandwidth");
        AssertRefused(Machine(8, 1, 1, interference: 1.5), "Interference");
        AssertRefused(Machine(8, 1, 1, latency: -1), "LatencySeconds");
        AssertRefused(Machine(8, 1, 1, depth: 0), "QueueDepth");
        AssertRefused(Machine(8, 1, 1) with { ComputeSecondsPerByte = -1 }, "ComputeSecondsPerByte");

        void AssertRefused(MachineModel machine, string what) =>
            Assert.That(() => Simulator.Run(tiny.Trace, tiny.ToPlan(), machine), Throws.TypeOf<ConfigurationException>().With.Message.Contains(what));
    }

    /// <summary>Four ops of one second: op 0 uses W of 4 bytes, op 1 needs 4 bytes for itself.</summary>
    private static TinyTrace WeightAndActivation(string useOfWeight) =>
        new TinyTrace().Weight("W", 4).Activation("A", 4).Op(1, useOfWeight).Op(1, "A:cf").Op(1).Op(1);

    private static MachineModel Machine(long budget, double read, double write, double interference = 0, double latency = 0, int depth = 8) => new()
    {
        MemoryBudget = budget,
        Storage = new TierModel { ReadBandwidth = read, WriteBandwidth = write, Interference = interference, LatencySeconds = latency, QueueDepth = depth },
    };

    private static SimulationResult Run(
        TinyTrace tiny, long budget, double read, double write = 1, double interference = 0, double latency = 0, int depth = 8, EvictionOrder order = EvictionOrder.FarthestNextUse)
    {
        SimulationResult result = Simulator.Run(
            tiny.Trace, tiny.ToPlan(order), Machine(budget, read, write, interference, latency, depth), new SimulationOptions { RecordTransfers = true });
        Assert.That(result.Feasible, Is.True, result.InfeasibleReason);
        Assert.That(result.IsSteady, Is.True);
        return result;
    }
}
