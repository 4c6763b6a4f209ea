using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>Planned execution on the real engine: what is recognised, what is carried out, and what happens when the program does something else.</summary>
[TestFixture]
public class PlannedRunTests
{
    private const int Layers = 12;
    private const int Block = ProgramRunner.Block;

    [Test]
    public void Two_equal_steps_make_a_trace_of_what_each_tensor_is()
    {
        using var runner = new ProgramRunner(long.MaxValue, TestPlanners.Nothing);
        runner.CreateAll(Layers);

        for (int step = 0; step < 2; step++) runner.Step(Programs.Training(Layers));

        Trace trace = runner.Run.Trace!;
        Assert.Multiple(() =>
        {
            Assert.That(trace.Ops.Length, Is.EqualTo(3 * Layers));
            Assert.That(trace.Tensors.Length, Is.EqualTo(3 * Layers));
            Assert.That(Kinds(trace, TensorKind.Parameter), Is.EqualTo(Layers), "used by forward and update, never freed");
            Assert.That(Kinds(trace, TensorKind.Activation), Is.EqualTo(Layers));
            Assert.That(Kinds(trace, TensorKind.Gradient), Is.EqualTo(Layers));
            Assert.That(trace.Ops[0].Phase, Is.EqualTo(OpPhase.Forward));
            Assert.That(trace.Ops[Layers].Phase, Is.EqualTo(OpPhase.Backward));
            Assert.That(trace.Ops[2 * Layers].Phase, Is.EqualTo(OpPhase.Update));
            Assert.That(trace.IdealSeconds, Is.Positive);
        });
    }

    [Test]
    public void One_step_alone_is_no_steady_state_and_the_difference_is_told()
    {
        using var runner = new ProgramRunner(long.MaxValue, TestPlanners.Nothing);
        runner.CreateAll(Layers);

        runner.Step(Programs.WithDetour(Layers));
        Assert.That(runner.Run.Trace, Is.Null);
        runner.Step(Programs.Training(Layers));

        Assert.That(runner.Run.Trace, Is.Null);
        Assert.That(runner.Run.LastDifference, Does.Contain("at op 2").And.Contain("aten::linear").And.Contain("aten::norm"));
    }

    [Test]
    public void A_tensor_that_the_next_step_frees_wraps_around()
    {
        using var runner = new ProgramRunner(long.MaxValue, TestPlanners.Nothing);
        runner.CreateAll(2);
        runner.Do(new ProgramOp("aten::empty") { Creates = [50] });
        ProgramOp[] step =
        [
            new("aten::use") { Reads = [50], Frees = [50] },
            new("aten::middle") { Reads = [0] },
            new("aten::make") { Reads = [1], Creates = [50] },
        ];

        for (int i = 0; i < 3; i++) runner.Step(step);

        Trace trace = runner.Run.Trace!;
        int wrapped = Enumerable.Range(0, trace.Tensors.Length).Single(t => !trace.Tensors[t].IsPersistent);
        Assert.That(AccessOf(trace, 0, wrapped), Is.EqualTo(AccessKind.Read | AccessKind.Free));
        Assert.That(AccessOf(trace, 2, wrapped), Is.EqualTo(AccessKind.Create));
    }

    [Test]
    public void By_a_plan_nothing_is_read_on_demand()
    {
        using var runner = new ProgramRunner(Budget(blocks: 10), TestPlanners.MoveEverything);
        runner.CreateAll(Layers);
        for (int i = 0; i < 3; i++) runner.Step(Programs.Training(Layers), settle: true);

        runner.Step(Programs.Training(Layers), settle: true);

        Assert.That(runner.Run.PlannedSteps, Is.EqualTo(2));
        Assert.That(runner.Run.LastStalls, Is.Empty);
        Assert.That(runner.Statistics.BytesRead, Is.Positive);
        Assert.That(runner.Memory.PeakBytes, Is.LessThanOrEqualTo(runner.Budget));
    }

    [Test]
    public void A_stall_tells_which_op_waited_and_why()
    {
        using var runner = new ProgramRunner(Budget(blocks: 5), TestPlanners.Nothing);
        runner.CreateAll(Layers);

        for (int i = 0; i < 3; i++) runner.Step(Programs.Training(Layers));

        Assert.That(runner.Run.LastStalls, Is.Not.Empty);
        Assert.That(runner.Run.LastStalls.Select(s => s.Cause), Is.All.AnyOf(StallCause.OnDemandRead, StallCause.NoRoom));
        Assert.That(runner.Run.LastStalls.Select(s => s.Op), Is.Ordered.Ascending);
    }

    [Test]
    public void A_step_that_departs_runs_on_and_the_next_one_is_planned_again()
    {
        using var runner = new ProgramRunner(Budget(blocks: 8), TestPlanners.MoveEverything);
        runner.CreateAll(Layers);
        for (int i = 0; i < 3; i++) runner.Step(Programs.Training(Layers));
        Assert.That(runner.Run.PlannedSteps, Is.EqualTo(1));

        runner.Step(Programs.Training(Layers).Take(20).Append(new ProgramOp("aten::other") { Reads = [3], Writes = [4] }));
        foreach (int left in runner.Alive.Where(t => t >= 100).ToArray()) runner.Free(left);
        runner.Step(Programs.Training(Layers));

        Assert.That(runner.Run.Divergences, Is.EqualTo(1));
        Assert.That(runner.Run.PlannedSteps, Is.EqualTo(2));
        runner.CheckAll();
    }

    [Test]
    public void After_a_detour_the_rest_of_the_step_is_planned()
    {
        using var runner = new ProgramRunner(Budget(blocks: 10), TestPlanners.MoveEverything);
        runner.CreateAll(Layers);
        for (int i = 0; i < 4; i++) runner.Step(Programs.Training(Layers), settle: true);

        runner.Step(Programs.WithDetour(Layers), settle: true);

        Assert.That(runner.Run.Divergences, Is.EqualTo(1));
        Assert.That(runner.Run.LastStalls.Select(s => s.Op), Is.All.LessThan(2 + (2 * Layers)), "the update ran by the plan");
    }

    [Test]
    public void Programs_that_take_turns_are_all_planned()
    {
        using var runner = new ProgramRunner(Budget(blocks: 8), TestPlanners.MoveEverything);
        runner.CreateAll(Layers);
        for (int i = 0; i < 4; i++)
        {
            runner.Step(Programs.Training(Layers));
            runner.Step(Programs.WithDetour(Layers));
        }

        long planned = runner.Run.PlannedSteps;
        for (int i = 0; i < 3; i++)
        {
            runner.Step(Programs.Training(Layers));
            runner.Step(Programs.WithDetour(Layers));
        }

        Assert.That(runner.Run.PlannedSteps - planned, Is.EqualTo(6));
    }

    [Test]
    public void A_better_plan_takes_over_from_the_next_step_on()
    {
        int asked = 0;
        using var runner = new ProgramRunner(Budget(blocks: 8), request =>
        {
            asked++;
            if (request.Current is null) return TestPlanners.Nothing(request);
            return request.Current.Migrations.Count == 0 ? TestPlanners.MoveEverything(request) : null;
        });
        runner.CreateAll(Layers);

        for (int i = 0; i < 5; i++) runner.Step(Programs.Training(Layers));

        Assert.That(asked, Is.EqualTo(4), "after every step from the second on");
        Assert.That(runner.Run.Plan!.Migrations, Is.Not.Empty);
        runner.CheckAll();
    }

    [Test]
    public void Ops_outside_a_step_are_no_part_of_it()
    {
        using var runner = new ProgramRunner(Budget(blocks: 8), TestPlanners.MoveEverything);
        runner.CreateAll(Layers);

        for (int i = 0; i < 4; i++)
        {
            runner.Step(Programs.Training(Layers));
            for (int t = 0; t <= i; t++) runner.Do(new ProgramOp("aten::look") { Reads = [t] });
        }

        Assert.That(runner.Run.PlannedSteps, Is.EqualTo(2));
        Assert.That(runner.Run.Divergences, Is.Zero);
    }

    [FsCheck.NUnit.Property(MaxTest = 40)]
    public Property Any_program_under_any_plan_sees_its_own_bytes() => Prop.ForAll(
        Gen.Choose(1, int.MaxValue).ToArbitrary(),
        seed =>
        {
            var random = new Random(seed);
            using var runner = new ProgramRunner(Budget(random.Next(5, 9)), request => TestPlanners.Nonsense(request, random.Next()));
            int persistent = random.Next(4, 10);
            runner.CreateAll(persistent);
            List<ProgramOp>[] programs = [Programs.Random(random, persistent), Programs.Random(random, persistent)];
            for (int step = 0; step < 8; step++)
            {
                List<ProgramOp> program = programs[random.Next(4) == 0 ? 1 : 0];
                runner.Step(program);
            }

            runner.CheckAll();
            runner.Settle();
            return runner.Memory.PeakBytes <= runner.Budget && runner.Memory.KeptBlocks == 0;
        });

    private static int Kinds(Trace trace, TensorKind kind)
    {
        int count = 0;
        foreach (TraceTensor tensor in trace.Tensors) count += tensor.Kind == kind ? 1 : 0;
        return count;
    }

    private static AccessKind AccessOf(Trace trace, int op, int tensor)
    {
        foreach (TraceAccess access in trace.AccessesOf(op))
        {
            if (access.Tensor == tensor) return access.Kind;
        }

        return AccessKind.None;
    }

    /// <summary>Room for blocks and for the tombstones of all others.</summary>
    private static long Budget(int blocks) => (blocks * Block) + (64 * 64);
}
