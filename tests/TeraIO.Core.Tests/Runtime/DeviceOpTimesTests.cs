using TeraIO.Core.Runtime;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Tests.Runtime.Planned;
using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>Times of ops by the clock of a <see cref="StandinGpu"/>, which kernels and waits set forward.</summary>
[TestFixture]
public class DeviceOpTimesTests : StandinGpuFixture
{
    private const int Block = ProgramRunner.Block;
    private static readonly TimeSpan _kernelTime = TimeSpan.FromMilliseconds(3);

    private readonly Lock _ticking = new();
    private TimeSpan _clock;

    [SetUp]
    public void ResetClock()
    {
        _clock = TimeSpan.Zero;
        Gpu.SetClock(TimeSpan.Zero);
    }

    [Test]
    public void An_op_takes_what_its_kernels_take_however_early_they_were_launched()
    {
        var planned = new List<PlanRequest>();
        using ProgramRunner runner = Runner(blocks: 40, planned);
        ProgramOp[] program = [.. Programs.Training(4)];
        runner.CreateAll(4);
        runner.Step(program);
        KernelGate gate = runner.HoldNextKernel();
        Task step = Task.Run(() => runner.Step(program)); // every op is launched before the first one runs
        Assert.That(SpinWait.SpinUntil(() => runner.Launched == 4 + (2 * program.Length), TimeSpan.FromSeconds(60)), Is.True);
        gate.Open();
        step.Wait();

        Trace trace = planned.Single().Profile;
        Assert.That(Seconds(trace), Is.All.EqualTo(_kernelTime.TotalSeconds).Within(1e-6));
        Assert.That(planned[0].StepSeconds, Is.EqualTo(program.Length * _kernelTime.TotalSeconds).Within(1e-6));
        Assert.That(planned[0].StallSeconds, Is.Zero);
    }

    [Test]
    public void Waiting_for_a_transfer_is_no_part_of_an_op_but_what_its_stall_is_made_of()
    {
        TimeSpan transferTime = TimeSpan.FromMilliseconds(50);
        using ProgramRunner runner = Runner(blocks: 2, []);
        for (int tensor = 0; tensor < 3; tensor++) runner.Do(new ProgramOp("aten::empty") { Creates = [tensor] });
        runner.Synchronize();
        using var times = new DeviceOpTimes(runner.Kernels!);
        EngineState state = runner.Engine.State;

        lock (state.Sync) times.Begin();
        runner.Do(new ProgramOp("aten::one") { Reads = [2] });
        lock (state.Sync) times.OpEnded();
        // The host waits, and comes back to a device that has long had nothing to do.
        lock (state.Sync) times.WaitBegan();
        runner.Synchronize();
        Tick(transferTime);
        lock (state.Sync) times.WaitEnded();
        runner.Do(new ProgramOp("aten::two") { Reads = [2] });
        lock (state.Sync)
        {
            times.OpEnded();
            times.End();
        }

        DeviceStepTimes taken = times.Collect()!;
        Assert.That(taken.Ops, Is.EqualTo(new DeviceOpTime[] { new(_kernelTime, TimeSpan.Zero), new(_kernelTime, transferTime) }));
        Assert.That(taken.Step, Is.EqualTo((2 * _kernelTime) + transferTime));
    }

    [Test]
    public void A_host_that_waits_while_the_device_works_stalls_nothing()
    {
        using ProgramRunner runner = Runner(blocks: 2, []);
        runner.Do(new ProgramOp("aten::empty") { Creates = [0] });
        using var times = new DeviceOpTimes(runner.Kernels!);
        EngineState state = runner.Engine.State;
        using KernelGate gate = runner.HoldNextKernel();

        lock (state.Sync) times.Begin();
        runner.Do(new ProgramOp("aten::one") { Reads = [0] });
        lock (state.Sync)
        {
            times.OpEnded();
            times.WaitBegan();
            times.WaitBegan(); // one wait within another
            times.WaitEnded();
            times.WaitEnded();
        }

        runner.Do(new ProgramOp("aten::two") { Reads = [0] });
        lock (state.Sync)
        {
            times.OpEnded();
            times.End();
        }

        gate.Open();
        Assert.That(times.Collect()!.Ops, Is.All.EqualTo(new DeviceOpTime(_kernelTime, TimeSpan.Zero)));
    }

    [Test]
    public void What_the_stream_waits_is_a_stall_and_summed_up_by_itself()
    {
        TimeSpan readTime = TimeSpan.FromMilliseconds(50);
        using ProgramRunner runner = Runner(blocks: 2, []);
        runner.Do(new ProgramOp("aten::empty") { Creates = [0] });
        runner.Synchronize();
        using var times = new DeviceOpTimes(runner.Kernels!);
        EngineState state = runner.Engine.State;

        lock (state.Sync)
        {
            times.Begin();
            times.WaitBegan();
            times.StreamWaitBegan();
            Gpu.Launch(() => Tick(readTime)); // the host goes on meanwhile
            times.StreamWaitEnded(2);
            times.WaitEnded();
        }

        runner.Do(new ProgramOp("aten::one") { Reads = [0] });
        lock (state.Sync)
        {
            times.OpEnded();
            times.End();
        }

        DeviceStepTimes taken = times.Collect()!;
        Assert.That(taken.Ops, Is.EqualTo(new DeviceOpTime[] { new(_kernelTime, readTime) }));
        Assert.That((taken.StreamWaits, taken.StreamWaitTime), Is.EqualTo((2L, readTime)));
    }

    [Test]
    public void What_the_engine_waits_for_is_marked()
    {
        var planned = new List<PlanRequest>();
        using ProgramRunner runner = Runner(blocks: 5, planned, whenTransferring: TimeSpan.FromMilliseconds(7));
        runner.CreateAll(8);

        for (int step = 0; step < 2; step++) runner.Step(Programs.Training(8));

        Assert.That(planned.Single().StallSeconds, Is.Positive, "ops waited for reads and for room");
        Assert.That(Seconds(planned[0].Profile), Is.All.EqualTo(_kernelTime.TotalSeconds).Within(1e-6));
    }

    [Test]
    public void Steps_are_timed_until_their_plan_has_enough_of_them()
    {
        var planned = new List<PlanRequest>();
        using ProgramRunner runner = Runner(blocks: 40, planned);
        runner.CreateAll(4);
        var marks = new List<ulong>();

        for (int step = 0; step < 10; step++)
        {
            ulong before = Gpu.CudaCalls("cuEventRecord");
            runner.Step(Programs.Training(4));
            marks.Add(Gpu.CudaCalls("cuEventRecord") - before);
        }

        ulong perStep = (3 * 4) + 2; // one behind each op, and both ends of the step
        Assert.That(marks, Is.EqualTo(Enumerable.Repeat(perStep, 2 + OpDurations.Window).Concat(Enumerable.Repeat(0UL, 3))));
    }

    [Test]
    public void A_departed_step_is_planned_with_the_device_s_times_only()
    {
        var planned = new List<PlanRequest>();
        using ProgramRunner runner = Runner(blocks: 40, planned);
        runner.CreateAll(4);
        for (int step = 0; step < 3 + OpDurations.Window; step++) runner.Step(Programs.Training(4));
        planned.Clear();

        for (int step = 0; step < 3; step++) runner.Step(Programs.WithDetour(4));

        Assert.That(planned.Where(static p => p.Current is null).Select(static p => p.Profile.Ops.Length).Distinct(), Is.EqualTo(new[] { 14 }));
        Assert.That(planned.SelectMany(static p => Seconds(p.Profile)), Is.All.EqualTo(_kernelTime.TotalSeconds).Within(1e-6));
    }

    [Test]
    public void A_mark_that_the_driver_refuses_leaves_the_step_without_times()
    {
        var planned = new List<PlanRequest>();
        using ProgramRunner runner = Runner(blocks: 40, planned);
        runner.CreateAll(4);
        runner.Step(Programs.Training(4));
        Gpu.FailNextCudaCall("cuEventRecord", 719);

        runner.Step(Programs.Training(4));
        Assert.That(planned, Is.Empty);
        runner.Step(Programs.Training(4));

        Assert.That(Seconds(planned.Single().Profile), Is.All.EqualTo(_kernelTime.TotalSeconds).Within(1e-6));
    }

    /// <param name="blocks">The budget.</param>
    /// <param name="planned">What the planner is asked for.</param>
    /// <param name="whenTransferring">The clock goes forward by this much whenever an op waits for a transfer and the device has nothing left to do.</param>
    private ProgramRunner Runner(int blocks, List<PlanRequest> planned, TimeSpan whenTransferring = default)
    {
        var runner = new ProgramRunner(
            (blocks * Block) + 65536,
            request =>
            {
                planned.Add(request);
                return request.Current is null ? TestPlanners.Nothing(request) : null;
            },
            gpu: Gpu);
        runner.BeforeKernel = () => Tick(_kernelTime);
        if (whenTransferring > TimeSpan.Zero)
        {
            runner.Memory.Restoring = () =>
            {
                runner.Synchronize();
                Tick(whenTransferring);
            };
        }

        return runner;
    }

    private static double[] Seconds(Trace trace) => Array.ConvertAll(trace.Ops.ToArray(), static op => op.Seconds);

    private void Tick(TimeSpan time)
    {
        lock (_ticking) Gpu.SetClock(_clock += time);
    }
}
