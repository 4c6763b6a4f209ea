using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Runtime;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Runtime.Planned;
using TeraIO.Core.Tests.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>
/// The device's stream waits for reads in the host's place, over <see cref="StandinGpu"/>: reads stand still until the test lets them go on, or fail, and ops are launched meanwhile.
/// </summary>
[TestFixture]
public class StreamReadTests : StandinGpuFixture
{
    private const int Block = ProgramRunner.Block;
    private const int NotSupported = 801;
    private const int LaunchFailed = 719;

    private HeldReadsBackend _reads = null!;

    [Test]
    public void The_host_goes_on_and_the_kernel_waits()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        _reads.Hold();

        runner.Do(Using(0)); // returns though the read stands still

        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Arriving));
        Assert.That(runner.Statistics.StreamWaits, Is.EqualTo(1));
        _reads.Go();
        runner.CheckAll();
        Assert.That(StateOf(runner, 0), Is.Not.EqualTo(ResidencyState.Arriving));
        Assert.That(runner.Kernels!.FencesInUse, Is.Zero);
    }

    [Test]
    public void A_second_op_needs_no_second_wait()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        _reads.Hold();

        for (int op = 0; op < 5; op++) runner.Do(Using(0));

        Assert.That(runner.Statistics.StreamWaits, Is.EqualTo(1));
        _reads.Go();
        runner.CheckAll();
    }

    [Test]
    public async Task A_planned_prefetch_that_is_late_is_waited_for_by_the_stream()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 4);
        runner.Free(3);
        _reads.Hold();
        runner.Request(migrator => migrator.RequestPrefetch(runner.BlockOf(0)));
        await UntilHeld(1);

        runner.Do(Using(0));

        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Arriving));
        Assert.That(runner.Engine.State.PrefetchingBytes, Is.Zero, "it is needed now");
        _reads.Go();
        runner.CheckAll();
        Assert.That(runner.Engine.State.PrefetchingBytes, Is.Zero);
    }

    [Test]
    public void Memory_of_a_block_that_dies_is_kept_until_its_read_has_ended()
    {
        using ProgramRunner runner = WithArrival(blocks: 2, tensors: 3);
        nint memory = runner.AddressOf(0);

        runner.Free(0);

        Assert.That(runner.Memory.KeptBlocks, Is.EqualTo(1));
        _reads.Go();
        Assert.That(runner.Engine.AwaitReads(), Is.Null);
        Assert.That(runner.Memory.KeptBlocks, Is.Zero);
        runner.Do(Creating(7));
        Assert.That(runner.AddressOf(7), Is.EqualTo(memory), "the allocator gives out what was freed last");
        runner.CheckAll();
    }

    [Test]
    public void What_an_op_changes_during_the_read_is_written_when_it_leaves()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        _reads.Hold();

        runner.Do(new ProgramOp("aten::add_") { Writes = [0] });

        TensorBlock block = runner.BlockOf(0);
        Assert.That(block.CopyIsCurrent, Is.False);
        _reads.Go();
        Assert.That(runner.Engine.AwaitReads(), Is.Null);
        Assert.That(block.CopyIsCurrent, Is.False);
        runner.CheckAll(); // which drives it out, and reads it back
    }

    [Test]
    public void A_block_that_is_to_leave_while_it_arrives_leaves_afterwards()
    {
        using ProgramRunner runner = WithArrival(blocks: 2, tensors: 3);

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Arriving));
        _reads.Go();
        Assert.That(runner.Engine.AwaitReads(), Is.Null);
        runner.Settle();

        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Offloaded));
        runner.CheckAll();
    }

    [TestCase(true, TestName = "A_block_that_is_to_leave_stays_when_it_is_wanted_back")]
    [TestCase(false, TestName = "A_block_that_is_to_leave_stays_when_an_op_uses_it")]
    public void A_block_that_is_to_leave_stays(bool byPlan)
    {
        using ProgramRunner runner = WithArrival(blocks: 2, tensors: 3);
        lock (runner.Engine.State.Sync)
        {
            Migrator migrator = runner.Engine.State.Migrator!;
            migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any);
            if (byPlan) Assert.That(migrator.RequestPrefetch(runner.BlockOf(0)), Is.True);
        }

        if (!byPlan) runner.Do(Using(0));
        _reads.Go();
        Assert.That(runner.Engine.AwaitReads(), Is.Null);
        runner.Settle();

        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Resident));
    }

    [Test]
    public async Task What_waits_for_room_waits_on_the_host()
    {
        using ProgramRunner runner = WithArrival(blocks: 2, tensors: 4); // in the place of one
        int launched = runner.Launched;

        // What leaves for them is written behind the stream's wait, and the one that arrives cannot leave at all.
        Task both = Task.Run(() => runner.Do(Using(1, 2)));
        await Task.WhenAny(both, UntilRoomIsWanted(runner));
        Assert.That(both.IsCompleted, Is.False);
        Assert.That(runner.Launched, Is.EqualTo(launched));
        _reads.Go();
        await both;

        runner.CheckAll();
    }

    [Test]
    public void A_result_waits_for_reads_on_the_host()
    {
        using ProgramRunner runner = WithArrival(blocks: 3, tensors: 5);

        Task<(byte Found, byte Expected)> result = Task.Run(() => runner.Read(4));
        Assert.That(result.Wait(TimeSpan.FromMilliseconds(50)), Is.False);
        _reads.Go();

        Assert.That(result.Result.Found, Is.EqualTo(result.Result.Expected));
    }

    [Test]
    public void A_failed_read_lets_the_stream_go_on_and_ends_the_session()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 5);
        _reads.Hold();
        runner.Do(new ProgramOp("aten::mul") { Reads = [0], Writes = [4] });
        _reads.FailNext(2);
        _reads.Go();

        var failed = Assert.Throws<ReadFailedException>(() => runner.Read(4));

        runner.Synchronize(); // the kernel has run
        Assert.That(failed!.Message, Does.Contain("could not be read").And.Contain("last checkpoint"));
        Assert.That(failed.InnerException, Is.TypeOf<StorageException>());
        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Lost));
        Assert.Multiple(() =>
        {
            Assert.That(runner.Engine.Stopped, Is.SameAs(failed));
            Assert.That(() => runner.Do(Using(4)), Throws.Exception.SameAs(failed), "every later op fails");
            Assert.That(() => runner.View(4), Throws.InvalidOperationException, "nobody sees what was made of wrong bytes");
            Assert.That(runner.Engine.MakeRoom(3 * Block), Is.SameAs(failed), "nor is it written");
            Assert.That(() => runner.Engine.PinAll(), Throws.Exception.SameAs(failed));
            Assert.That(runner.Engine.AwaitReads(), Is.SameAs(failed));
        });
    }

    [Test]
    public void A_read_that_fails_after_its_block_died_ends_the_session_too()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 5);
        _reads.Hold();
        runner.Do(new ProgramOp("aten::mul") { Reads = [0], Writes = [4], Frees = [0] });
        _reads.FailNext(2);
        _reads.Go();

        Assert.That(runner.Engine.AwaitReads(), Is.TypeOf<ReadFailedException>());
        Assert.That(runner.Memory.KeptBlocks, Is.Zero);
    }

    [Test]
    public void What_is_made_after_a_failed_read_is_closed_to_ops_too()
    {
        using ProgramRunner runner = WithArrival(blocks: 4, tensors: 5);
        _reads.FailNext(2);
        _reads.Go();
        Assert.That(runner.Engine.AwaitReads(), Is.Not.Null);
        nint small = runner.Memory.Create(64, insideOp: false);

        Assert.That(runner.Engine.BeginOp("aten::_local_scalar_dense", [runner.Memory.Operand(small) with { IsMovable = false }], isOutermost: true, bringsOut: true), Is.TypeOf<ReadFailedException>());

        runner.Engine.EndOp(default, [], isOutermost: true);
        Assert.That(() => runner.Memory.Bytes(small), Throws.InvalidOperationException);
        runner.Memory.Destroy(small);
    }

    [Test]
    public void A_write_behind_a_failed_read_is_not_trusted()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 5);
        _reads.Hold();
        runner.Do(new ProgramOp("aten::mul") { Reads = [0], Writes = [4] });
        TensorBlock block = runner.BlockOf(4);
        runner.Request(migrator => migrator.RequestOffload(block, WriteTarget.Any));
        _reads.FailNext(2);
        _reads.Go();

        runner.Settle();

        Assert.That((block.State, block.CopyIsCurrent), Is.EqualTo((ResidencyState.Resident, false)));
    }

    [Test]
    public void A_read_that_succeeds_when_it_is_tried_again_opens_once()
    {
        using ProgramRunner runner = WithArrival(blocks: 2, tensors: 3);
        _reads.FailNext(1);
        _reads.Go();

        Assert.That(runner.Engine.AwaitReads(), Is.Null);
        Assert.That(runner.Store.Statistics.Retries, Is.EqualTo(1));
        runner.CheckAll();
    }

    [Test]
    public async Task A_prefetch_that_failed_before_anything_was_launched_is_read_again_on_demand()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 4);
        runner.Free(3);
        _reads.FailNext(2);
        runner.Request(migrator => migrator.RequestPrefetch(runner.BlockOf(0)));
        await Until(() => runner.Run.FailedMigrations == 1);

        runner.Do(Using(0));

        runner.CheckAll();
        Assert.That(runner.Engine.Stopped, Is.Null);
    }

    [Test]
    public void A_read_that_fails_before_the_stream_waits_fails_its_op_alone()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        Gpu.FailNextCudaCall("cuStreamWaitValue32", LaunchFailed); // the host waits in its place, and sees it
        _reads.FailNext(2);

        Assert.That(() => runner.Do(Using(0)), Throws.TypeOf<StorageException>());

        Assert.That(runner.Engine.Stopped, Is.Null);
        runner.CheckAll();
    }

    [Test]
    public void Where_the_driver_refuses_a_wait_the_host_waits()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        Gpu.FailNextCudaCall("cuStreamWaitValue32", LaunchFailed);
        using KernelGate gate = runner.HoldNextKernel();
        runner.Do(Using(1)); // else the read may have ended before anybody waits for it

        Task use = Task.Run(() => runner.Do(Using(0)));
        gate.Open();
        use.Wait();

        Assert.That(runner.Statistics.StreamWaits, Is.Zero);
        runner.CheckAll();
        Assert.That(runner.Statistics.StreamWaits, Is.Positive, "the next time it does not refuse");
    }

    [Test]
    public void Where_the_driver_lets_no_stream_wait_the_host_waits_from_the_first_time_on()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        Gpu.FailNextCudaCall("cuStreamWaitValue32", NotSupported);
        using KernelGate gate = runner.HoldNextKernel();
        runner.Do(Using(1));

        Task use = Task.Run(() => runner.Do(Using(0)));
        gate.Open();
        use.Wait();

        runner.CheckAll();
        Assert.That(runner.Statistics.StreamWaits, Is.Zero);
        Assert.That(Gpu.CudaCalls("cuStreamWaitValue32"), Is.EqualTo(1));
    }

    [Test]
    public void A_driver_that_gives_no_fence_fails_the_op_and_nothing_else()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 4);
        runner.Free(3);
        Gpu.FailNextCudaCall("cuEventRecord", LaunchFailed);

        Assert.That(() => runner.Do(Using(0)), Throws.InstanceOf<TeraIOException>());

        Assert.That(runner.Engine.Stopped, Is.Null);
        runner.CheckAll();
        Assert.That(runner.Kernels!.FencesInUse, Is.Zero);
    }

    [Test]
    public void A_deadline_that_passes_while_the_stream_waits_ends_the_session()
    {
        using ProgramRunner runner = Runner(blocks: 2, TimeSpan.FromSeconds(1));
        Fill(runner, tensors: 3);
        _reads.Hold();

        runner.Do(Using(0));

        TeraIOException? failed = runner.Engine.AwaitReads();
        Assert.That(failed, Is.TypeOf<ReadFailedException>());
        Assert.That(failed!.InnerException, Is.TypeOf<TransferDeadlineException>());
        runner.Synchronize();
        _reads.Go();
    }

    [Test]
    public async Task A_kernel_that_failed_before_a_read_stops_the_session_whoever_waits()
    {
        using ProgramRunner runner = Runner(blocks: 3);
        Fill(runner, tensors: 4);
        runner.Free(3);
        using KernelGate gate = runner.HoldNextKernel();
        runner.Do(Using(2));
        Gpu.FailNextCudaCall("cuEventSynchronize", LaunchFailed); // of the fence that the read comes after

        try
        {
            runner.Do(Using(0));
        }
        catch (KernelFailedException)
        {
            // It was known before the stream was made to wait.
        }

        await Until(() => runner.Engine.Stopped is not null);
        gate.Open();
        Assert.That(runner.Engine.Stopped, Is.TypeOf<KernelFailedException>());
    }

    [Test]
    public async Task The_end_waits_for_reads_in_flight()
    {
        ProgramRunner runner = Runner(blocks: 2);
        Fill(runner, tensors: 3);
        _reads.Hold();
        runner.Do(Using(0));

        Task end = Task.Run(runner.Dispose);
        Assert.That(end.Wait(TimeSpan.FromMilliseconds(50)), Is.False);
        _reads.Go();

        await end;
    }

    [Test]
    public void A_pin_waits_on_the_host_and_looks_at_all_reads()
    {
        using ProgramRunner runner = WithArrival(blocks: 3, tensors: 5);

        Task<List<TensorBlock>> pin = Task.Run(() => runner.Engine.Pin([runner.OperandOf(0), runner.OperandOf(4)]));
        Assert.That(pin.Wait(TimeSpan.FromMilliseconds(50)), Is.False);
        _reads.Go();

        Assert.That(pin.Result.Select(static b => b.State), Is.All.EqualTo(ResidencyState.Resident));
        runner.Engine.Unpin(pin.Result);
    }

    [Test]
    public void Waits_of_timed_steps_are_told_apart_from_those_that_nobody_timed()
    {
        using ProgramRunner runner = Runner(blocks: 5, planner: static request => request.Current is null ? TestPlanners.Nothing(request) : null);
        runner.CreateAll(8);

        for (int step = 0; step < 2 + OpDurations.Window; step++) runner.Step(Programs.Training(8));
        EngineStatistics timed = runner.Statistics;
        runner.Step(Programs.Training(8));
        EngineStatistics after = runner.Statistics;

        Assert.That(timed.StreamWaits, Is.Positive);
        Assert.That(timed.TimedStreamWaits, Is.EqualTo(timed.StreamWaits));
        Assert.That(timed.StreamWaitTime, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(after.StreamWaits, Is.GreaterThan(timed.StreamWaits));
        Assert.That((after.TimedStreamWaits, after.StreamWaitTime), Is.EqualTo((timed.TimedStreamWaits, timed.StreamWaitTime)), "unknown, and not none");
    }

    private ProgramRunner Runner(int blocks, TimeSpan? deadline = null, Func<PlanRequest, MigrationPlan?>? planner = null) => new(
        (blocks * Block) + 4096,
        planner ?? TestPlanners.Nothing,
        gpu: Gpu,
        device: new DeviceRunOptions { ReadWaits = ReadWaits.InStream, TransferDeadline = deadline, Decorate = backend => _reads = new HeldReadsBackend(backend) });

    /// <summary>An op that needs tensor 0 was launched, and the read of that stands still.</summary>
    private ProgramRunner WithArrival(int blocks, int tensors)
    {
        ProgramRunner runner = Runner(blocks);
        Fill(runner, tensors);
        _reads.Hold();
        runner.Do(Using(0));
        return runner;
    }

    private static ProgramOp Creating(int tensor) => new("aten::empty") { Creates = [tensor] };

    private static ProgramOp Using(params int[] tensors) => new("aten::use") { Reads = tensors };

    /// <summary>More tensors than there is room for: the first ones are away, and nothing is under way.</summary>
    private static void Fill(ProgramRunner runner, int tensors)
    {
        for (int tensor = 0; tensor < tensors; tensor++) runner.Do(Creating(tensor));
        runner.Synchronize();
        Assert.That(StateOf(runner, 0), Is.EqualTo(ResidencyState.Offloaded));
    }

    private static ResidencyState StateOf(ProgramRunner runner, int tensor) => runner.BlockOf(tensor).State;

    private Task UntilHeld(int reads) => Until(() => _reads.Held == reads);

    private static Task UntilRoomIsWanted(ProgramRunner runner) => Until(() =>
    {
        lock (runner.Engine.State.Sync) return runner.Engine.State.RoomWanted > 0;
    });

    private static Task Until(Func<bool> condition) => Task.Run(() => Assert.That(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(60)), Is.True));
}
