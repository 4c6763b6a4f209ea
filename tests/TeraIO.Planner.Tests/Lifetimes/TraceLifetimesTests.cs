using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Lifetimes;

public sealed class TraceLifetimesTests
{
    private const AccessKind Read = AccessKind.Read;
    private const AccessKind Write = AccessKind.Read | AccessKind.Write;

    [Test]
    public void A_weight_idles_between_its_uses_and_over_the_end_of_the_iteration()
    {
        var builder = Iteration(ops: 10);
        int weight = builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, IsPersistent: true));
        Trace trace = Build(builder, 10, (1, weight, Read), (5, weight, Read), (8, weight, Write));

        TraceLifetimes lifetimes = TraceLifetimes.Of(trace);

        // The first period follows the update (op 8), since later ones find the copy that it wrote.
        Assert.That(lifetimes.Periods.ToArray(), Is.EqualTo(new[]
        {
            new InactivePeriod(weight, 100, StartOp: 8, EndOp: 1, IdleOps: 2, Version: 0, IsDirty: true, IsRead: true),
            new InactivePeriod(weight, 100, StartOp: 1, EndOp: 5, IdleOps: 3, Version: 0, IsDirty: true, IsRead: true),
            new InactivePeriod(weight, 100, StartOp: 5, EndOp: 8, IdleOps: 2, Version: 0, IsDirty: true, IsRead: true),
        }));
    }

    [Test]
    public void A_tensor_that_two_ops_change_has_two_versions()
    {
        var builder = Iteration(ops: 10);
        int tensor = builder.AddTensor(new TraceTensor(100, TensorKind.OptimizerState, IsPersistent: true));
        Trace trace = Build(builder, 10, (1, tensor, Write), (5, tensor, Write));

        Assert.That(TraceLifetimes.Of(trace).Periods.ToArray().Select(static p => p.Version).Distinct().Count(), Is.EqualTo(2));
    }

    [Test]
    public void A_tensor_that_nobody_changes_costs_no_writes()
    {
        var builder = Iteration(ops: 10);
        int tensor = builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, IsPersistent: true));
        Trace trace = Build(builder, 10, (3, tensor, Read));

        Assert.That(TraceLifetimes.Of(trace).Periods.ToArray(), Is.EqualTo(new[]
        {
            new InactivePeriod(tensor, 100, StartOp: 3, EndOp: 3, IdleOps: 9, Version: 0, IsDirty: false, IsRead: true),
        }));
    }

    [Test]
    public void A_tensor_that_nobody_uses_is_idle_all_the_time()
    {
        var builder = Iteration(ops: 4);
        builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, IsPersistent: true));
        Trace trace = Build(builder, 4);

        InactivePeriod period = TraceLifetimes.Of(trace).Periods[0];

        Assert.That((period.IdleOps, period.IsRead, period.IsDirty), Is.EqualTo((4, false, false)));
    }

    [Test]
    public void An_activation_idles_until_its_next_use_and_from_the_last_one_until_it_is_freed()
    {
        var builder = Iteration(ops: 10);
        int tensor = builder.AddTensor(new TraceTensor(100, TensorKind.Activation, IsPersistent: false));
        Trace trace = Build(builder, 10, (1, tensor, AccessKind.Create), (2, tensor, Read), (6, tensor, Read), (8, tensor, AccessKind.Free));

        TraceLifetimes lifetimes = TraceLifetimes.Of(trace);

        // Between ops 1 and 2 there is none without it; while op 8 runs it may be away already.
        Assert.That(lifetimes.Periods.ToArray(), Is.EqualTo(new[]
        {
            new InactivePeriod(tensor, 100, StartOp: 2, EndOp: 6, IdleOps: 3, Version: 0, IsDirty: true, IsRead: true),
            new InactivePeriod(tensor, 100, StartOp: 6, EndOp: 8, IdleOps: 2, Version: 0, IsDirty: true, IsRead: false),
        }));
        Assert.That(lifetimes.LiveBytes.ToArray(), Is.EqualTo(new long[] { 0, 100, 100, 100, 100, 100, 100, 100, 100, 0 }));
    }

    [Test]
    public void A_life_that_wraps_is_alive_at_both_ends()
    {
        var builder = Iteration(ops: 6);
        int tensor = builder.AddTensor(new TraceTensor(7, TensorKind.Gradient, IsPersistent: false));
        Trace trace = Build(builder, 6, (4, tensor, AccessKind.Create), (1, tensor, Read | AccessKind.Free));

        TraceLifetimes lifetimes = TraceLifetimes.Of(trace);

        Assert.That(lifetimes.LiveBytes.ToArray(), Is.EqualTo(new long[] { 7, 7, 0, 0, 7, 7 }));
        Assert.That(lifetimes.Periods.ToArray(), Is.EqualTo(new[]
        {
            new InactivePeriod(tensor, 7, StartOp: 4, EndOp: 1, IdleOps: 2, Version: 0, IsDirty: true, IsRead: true),
        }));
        Assert.That(lifetimes.Tensors[tensor].WrapsIteration, Is.True);
    }

    [Test]
    public void Workspace_and_baseline_are_alive_too()
    {
        var builder = new TraceBuilder(new TraceHeader("hand-made", BaselineBytes: 3));
        builder.AddOp(new TraceOp("a", 1, WorkspaceBytes: 20));
        builder.AddOp(new TraceOp("b", 1));

        Assert.That(TraceLifetimes.Of(builder.Build()).LiveBytes.ToArray(), Is.EqualTo(new long[] { 23, 3 }));
    }

    [Test]
    public void Idle_ops_and_uses_fill_every_life_exactly([Range(0, 60)] int seed)
    {
        Trace trace = seed % 2 == 0 ? RandomTraces.Arbitrary(seed) : RandomTraces.Training(seed);
        TraceLifetimes lifetimes = TraceLifetimes.Of(trace);
        var alive = new long[trace.Ops.Length];
        for (int op = 0; op < alive.Length; op++)
        {
            alive[op] = trace.Header.BaselineBytes + trace.Ops[op].WorkspaceBytes;
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                if (access.IsUse) alive[op] += trace.Tensors[access.Tensor].Bytes;
            }
        }

        foreach (ref readonly InactivePeriod period in lifetimes.Periods)
        {
            for (int i = 1; i <= period.IdleOps; i++) alive[(period.StartOp + i) % alive.Length] += period.Bytes;
        }

        Assert.That(alive, Is.EqualTo(lifetimes.LiveBytes.ToArray()));
    }

    private static TraceBuilder Iteration(int ops) => new(new TraceHeader($"{ops} ops"));

    private static Trace Build(TraceBuilder builder, int ops, params (int Op, int Tensor, AccessKind Kind)[] accesses)
    {
        for (int op = 0; op < ops; op++)
        {
            builder.AddOp(new TraceOp($"op{op}", 1));
            foreach ((int at, int tensor, AccessKind kind) in accesses)
            {
                if (at == op) builder.Access(tensor, kind);
            }
        }

        return builder.Build();
    }
}
