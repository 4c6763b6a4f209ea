using TeraIO.Core.Runtime;
using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Runtime.Planned;
using TeraIO.Core.Tests.Storage;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>
/// Transfers of the engine against kernels that have been launched and not run, over <see cref="StandinGpu"/>. A kernel stands still until the test lets it go; what a transfer does meanwhile would show.
/// </summary>
[TestFixture]
public class KernelOrderTests : StandinGpuFixture
{
    private const int Block = ProgramRunner.Block;
    private const int LaunchFailed = 719;

    private UnrelatedTransfers _unrelated = null!;

    [SetUp]
    public void MakeUnrelated() => _unrelated = new UnrelatedTransfers(Gpu.Allocate(Block));

    [Test]
    public async Task What_makes_room_is_written_after_the_kernel_that_computes_it()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(Creating(0));

        Task second = Task.Run(() => runner.Do(Creating(1)));

        await UntilHeld(runner, begun + 1);
        Assert.That(runner.Store.Statistics.BytesWritten.Bytes, Is.EqualTo(_unrelated.BytesWritten), "the block's own bytes are not on their way");
        Assert.That(second.IsCompleted, Is.False);
        kernel.Open();
        await second;
        Assert.That(runner.IsInMemory(0), Is.False);
        runner.CheckAll();
    }

    [Test]
    public async Task What_an_op_needs_is_read_after_the_kernels_that_used_its_memory_before()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        QueuedUse queued = QueueLastUse(runner);
        using KernelGate kernel = queued.Kernel;

        Task use = Task.Run(() => runner.Do(new ProgramOp("aten::use") { Reads = [0] }));

        await UntilHeld(runner, queued.TransfersBegun + 1);
        Assert.That(runner.AddressOf(0), Is.EqualTo(queued.Memory), "the memory that the queued kernel still reads");
        Assert.That(Gpu.View(queued.Memory, Block).SequenceEqual(queued.Bytes), Is.True);
        Assert.That(use.IsCompleted, Is.False);
        kernel.Open();
        await use;
        runner.CheckAll();
    }

    [Test]
    public async Task A_planned_offload_takes_what_the_kernels_before_it_compute()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(Creating(0));

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));

        await UntilHeld(runner, begun + 1);
        Assert.That(runner.Store.Statistics.BytesWritten.Bytes, Is.EqualTo(_unrelated.BytesWritten));
        kernel.Open();
        runner.Settle();
        Assert.That(runner.IsInMemory(0), Is.False);
        runner.CheckAll();
    }

    [Test]
    public async Task A_planned_prefetch_leaves_memory_alone_that_a_queued_kernel_uses()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        QueuedUse queued = QueueLastUse(runner);
        using KernelGate kernel = queued.Kernel;

        runner.Request(migrator => migrator.RequestPrefetch(runner.BlockOf(0)));

        await UntilHeld(runner, queued.TransfersBegun + 1);
        Assert.That(runner.AddressOf(0), Is.EqualTo(queued.Memory));
        Assert.That(Gpu.View(queued.Memory, Block).SequenceEqual(queued.Bytes), Is.True);
        kernel.Open();
        runner.Settle();
        Assert.That(runner.IsInMemory(0), Is.True);
        runner.CheckAll();
    }

    [Test]
    public async Task An_op_that_changes_a_block_during_its_write_keeps_it_in_memory()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(Creating(0));
        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        await UntilHeld(runner, begun + 1);

        Assert.That(runner.IsInMemory(0), Is.True, "else the op would wait for the kernel");
        runner.Do(new ProgramOp("aten::add_") { Writes = [0] });

        kernel.Open();
        runner.Settle();
        Assert.That(runner.IsInMemory(0), Is.True);
        runner.CheckAll();
    }

    [Test]
    public void Fences_are_used_again()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        for (int tensor = 0; tensor < 12; tensor++) runner.Do(Creating(tensor));

        for (int round = 0; round < 3; round++) runner.CheckAll();

        Assert.That(runner.Statistics.Offloads, Is.GreaterThan(30));
        Assert.That(runner.Kernels!.FencesInUse, Is.Zero);
        Assert.That(runner.Kernels.IdleFences, Is.InRange(1, 3), "as many as there were transfers at once");
    }

    [Test]
    public void A_kernel_that_failed_stops_the_engine_and_the_block_stays()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(Creating(0));
        Gpu.FailNextCudaCall("cuEventSynchronize", LaunchFailed);
        Task second = Task.Run(() => runner.Do(Creating(1)));
        UntilBegun(runner, begun + 1);
        kernel.Open();

        var failed = Assert.ThrowsAsync<KernelFailedException>(async () => await second);

        Assert.That(failed!.Message, Does.Contain("CUDA_ERROR_LAUNCH_FAILED").And.Contain("last checkpoint"));
        Assert.That(runner.Engine.Stopped, Is.SameAs(failed));
        Assert.That(runner.Engine.MakeRoom(Block), Is.SameAs(failed), "nothing is tried any more");
        Assert.That(runner.IsInMemory(0), Is.True);
        Assert.That(runner.Kernels!.FencesInUse, Is.Zero);
    }

    [Test]
    public void A_kernel_that_failed_before_a_planned_offload_stops_the_engine_too()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(Creating(0));
        Gpu.FailNextCudaCall("cuEventSynchronize", LaunchFailed);

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        UntilBegun(runner, begun + 1);
        kernel.Open();
        runner.Settle();

        Assert.That(runner.Engine.Stopped, Is.TypeOf<KernelFailedException>());
        Assert.That(runner.IsInMemory(0), Is.True);
        lock (runner.Engine.State.Sync)
            Assert.That(runner.Engine.State.Migrator!.RequestOffload(runner.BlockOf(0), WriteTarget.Any), Is.False);
    }

    [Test]
    public void A_transfer_that_failed_by_itself_stops_nothing()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        runner.Do(Creating(0));
        runner.Synchronize();
        Gpu.FailNextCudaCall("cuMemcpyDtoHAsync", LaunchFailed);

        runner.Do(Creating(1));

        Assert.That(runner.Engine.Stopped, Is.Null);
        runner.CheckAll();
    }

    [Test]
    public void An_op_on_a_second_stream_is_refused_and_nothing_leaves_memory_any_more()
    {
        nint current = 0;
        using ProgramRunner runner = Runner(blocks: 2, () => current);
        for (int tensor = 0; tensor < 3; tensor++) runner.Do(Creating(tensor));
        current = 0x1234;

        var refused = Assert.Throws<ConfigurationException>(() => runner.Do(new ProgramOp("aten::mul") { Reads = [2] }));

        Assert.That(refused!.Message, Does.Contain("aten::mul").And.Contain("0x1234").And.Contain("0 (the default stream)").And.Contain("one stream"));
        Assert.That(runner.Engine.Stopped, Is.SameAs(refused));
        Assert.That(runner.Engine.MakeRoom(Block), Is.SameAs(refused));
        current = 0;
        runner.Free(2);
        runner.Do(new ProgramOp("aten::use") { Reads = [0] }); // what is away comes back
        runner.CheckAll();
    }

    [Test]
    public void An_op_on_a_second_stream_that_only_allocates_is_refused_too()
    {
        nint current = 0;
        using ProgramRunner runner = Runner(blocks: 2, () => current);
        runner.Do(Creating(0));
        current = 0x1234;

        runner.Do(Creating(1));

        Assert.That(runner.Engine.Stopped, Is.TypeOf<ConfigurationException>());
    }

    [Test]
    public void Ops_without_tensors_of_the_device_may_run_on_any_stream()
    {
        nint current = 0;
        using ProgramRunner runner = Runner(blocks: 2, () => current);
        runner.Do(Creating(0));
        current = 0x1234;

        runner.Do(new ProgramOp("aten::on_the_cpu"));

        Assert.That(runner.Engine.Stopped, Is.Null);
    }

    [Test]
    public void Unchanged_blocks_are_dropped()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        BringBackUnchanged(runner);
        EngineStatistics before = runner.Statistics;

        runner.Do(new ProgramOp("aten::use") { Reads = [1] });

        Assert.That(runner.Statistics.BytesWritten, Is.EqualTo(before.BytesWritten));
        Assert.That(runner.Statistics.BytesDroppedClean, Is.EqualTo(before.BytesDroppedClean + Block));
        runner.CheckAll();
    }

    [Test]
    public void Unchanged_blocks_are_written_again_where_the_kernel_computes_something_else()
    {
        Gpu.SpoilKernel();
        using ProgramRunner runner = Runner(blocks: 1);
        BringBackUnchanged(runner);
        EngineStatistics before = runner.Statistics;

        runner.Do(new ProgramOp("aten::use") { Reads = [1] });

        Assert.That(runner.Statistics.BytesWritten, Is.EqualTo(before.BytesWritten + Block));
        Assert.That(runner.Statistics.BytesDroppedClean, Is.Zero);
        runner.CheckAll();
    }

    [Test]
    public void A_planned_offload_of_an_unchanged_block_writes_nothing()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        BringBackUnchanged(runner);
        EngineStatistics before = runner.Statistics;

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        runner.Settle();

        Assert.That(runner.IsInMemory(0), Is.False);
        Assert.That(runner.Statistics.BytesWritten, Is.EqualTo(before.BytesWritten));
        Assert.That(runner.Statistics.BytesDroppedClean, Is.EqualTo(before.BytesDroppedClean + Block));
        runner.CheckAll();
    }

    [Test]
    public void What_an_operator_changes_beyond_its_schema_is_written()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        BringBackUnchanged(runner);
        runner.Do(new ProgramOp("aten::native_batch_norm") { HiddenWrites = [0] });
        EngineStatistics before = runner.Statistics;

        runner.Do(new ProgramOp("aten::use") { Reads = [1] });

        Assert.That(runner.Statistics.BytesWritten, Is.EqualTo(before.BytesWritten + Block));
        runner.CheckAll();
    }

    [Test]
    public async Task A_comparison_waits_for_the_kernels_before_it()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        BringBackUnchanged(runner);
        EngineStatistics before = runner.Statistics;
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(new ProgramOp("aten::native_batch_norm") { HiddenWrites = [0] });

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        await UntilHeld(runner, begun + 1);

        Assert.That(runner.IsInMemory(0), Is.True);
        kernel.Open();
        runner.Settle();
        Assert.That(runner.IsInMemory(0), Is.False);
        Assert.That(runner.Statistics.BytesWritten, Is.EqualTo(before.BytesWritten + Block));
        runner.CheckAll();
    }

    [Test]
    public async Task What_an_op_uses_during_its_write_stays_and_is_written_whole_when_it_leaves()
    {
        using ProgramRunner runner = Runner(blocks: 2);
        long begun = runner.Kernels!.FencesRecorded;
        using KernelGate kernel = runner.HoldNextKernel();
        runner.Do(Creating(0));
        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        await UntilHeld(runner, begun + 1);
        runner.Do(new ProgramOp("aten::native_batch_norm") { HiddenWrites = [0] });
        kernel.Open();
        runner.Settle();
        Assert.That(runner.IsInMemory(0), Is.True);
        EngineStatistics before = runner.Statistics;

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        runner.Settle();

        Assert.That(runner.IsInMemory(0), Is.False);
        Assert.That(runner.Statistics.BytesWritten, Is.EqualTo(before.BytesWritten + Block), "the copy is of no single moment: its checksum says nothing");
        runner.CheckAll();
    }

    [Test]
    public void A_comparison_that_fails_leaves_the_block_in_memory()
    {
        using ProgramRunner runner = Runner(blocks: 1);
        BringBackUnchanged(runner);
        Gpu.FailNextCudaCall("cuLaunchKernel", LaunchFailed);

        runner.Request(migrator => migrator.RequestOffload(runner.BlockOf(0), WriteTarget.Any));
        runner.Settle();

        Assert.That(runner.IsInMemory(0), Is.True);
        Assert.That(runner.Engine.Stopped, Is.Null);
        runner.CheckAll();
    }

    /// <summary>Tensors 0 and 1 where there is room for one: 0 has left and come back.</summary>
    private static void BringBackUnchanged(ProgramRunner runner)
    {
        runner.Do(Creating(0));
        runner.Do(Creating(1));
        runner.Do(new ProgramOp("aten::use") { Reads = [0] });
    }

    private ProgramRunner Runner(int blocks, Func<nint>? currentStream = null) =>
        new((blocks * Block) + 4096, TestPlanners.Nothing, gpu: Gpu, currentStream: currentStream);

    private static ProgramOp Creating(int tensor) => new("aten::empty") { Creates = [tensor] };

    /// <summary>A kernel that stands still and is the last one to use memory that was freed and is the next to be given out.</summary>
    private readonly record struct QueuedUse(KernelGate Kernel, nint Memory, byte[] Bytes, long TransfersBegun);

    /// <summary>Three tensors where there is room for two: the first one leaves, the third one is freed with its kernel still to run.</summary>
    private static QueuedUse QueueLastUse(ProgramRunner runner)
    {
        for (int tensor = 0; tensor < 3; tensor++) runner.Do(Creating(tensor));
        runner.Synchronize();
        var queued = new QueuedUse(runner.HoldNextKernel(), runner.AddressOf(2), runner.View(2).ToArray(), runner.Kernels!.FencesRecorded);
        runner.Do(new ProgramOp("aten::last_use") { Reads = [2], Frees = [2] });
        return queued;
    }

    private static void UntilBegun(ProgramRunner runner, long transfers) =>
        Assert.That(SpinWait.SpinUntil(() => runner.Kernels!.FencesRecorded >= transfers, TimeSpan.FromSeconds(60)), Is.True);

    /// <summary>Returns when so many transfers are held for kernels, and the store had every chance to begin them all the same.</summary>
    private async Task UntilHeld(ProgramRunner runner, long transfers)
    {
        UntilBegun(runner, transfers);
        await _unrelated.Run(runner.Store);
    }

    /// <summary>Transfers of a tensor that no kernel has to do with: they take turns with those that are held.</summary>
    private sealed class UnrelatedTransfers(nint memory)
    {
        private const int Rounds = 8;

        public long BytesWritten { get; private set; }

        public async Task Run(TensorStore store)
        {
            StoredCopy copy = store.Reserve(tensorId: -1, Block);
            for (int i = 0; i < Rounds; i++)
            {
                await store.WriteAsync(copy, memory);
                await store.ReadAsync(copy, memory);
                BytesWritten += Block;
            }

            store.Release(copy);
        }
    }
}
