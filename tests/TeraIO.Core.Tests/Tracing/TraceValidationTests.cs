using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Tracing;

/// <summary>What a builder refuses, whoever fills it.</summary>
[TestFixture]
public class TraceValidationTests
{
    private const AccessKind R = AccessKind.Read;
    private const AccessKind C = AccessKind.Create;
    private const AccessKind F = AccessKind.Free;

    [TestCase(new[] { C, R, F }, null)]
    [TestCase(new[] { C | F, AccessKind.None, AccessKind.None }, null)]
    [TestCase(new[] { F, AccessKind.None, C }, null)]
    [TestCase(new[] { R | F, C, R }, null)]
    [TestCase(new[] { R, F, C }, null)]
    [TestCase(new[] { F, R, C }, "is used by op 1, after op 0 freed it and before op 2 creates it again")]
    [TestCase(new[] { R, C, F | R }, "used by op 0, outside its life from op 1 to op 2")]
    [TestCase(new[] { C, F, R }, "used by op 2, outside its life from op 0 to op 1")]
    [TestCase(new[] { C | F, R, AccessKind.None }, "used by op 1, outside its life")]
    [TestCase(new[] { C, R, AccessKind.None }, "never freed")]
    [TestCase(new[] { R, F, AccessKind.None }, "no op creates it")]
    [TestCase(new[] { C, C, F }, "created by op 0 and again by op 1")]
    [TestCase(new[] { C, F, F }, "freed after op 1 and again after op 2")]
    public void A_tensor_that_is_not_persistent_has_one_life(AccessKind[] accesses, string? rule)
    {
        var builder = new TraceBuilder(new TraceHeader("life"));
        int tensor = builder.AddTensor(new TraceTensor(8, TensorKind.Unknown, IsPersistent: false));
        foreach (AccessKind kind in accesses)
        {
            builder.AddOp(new TraceOp("op", 1));
            if (kind != AccessKind.None) builder.Access(tensor, kind);
        }

        AssertRule(builder, rule);
    }

    [TestCase(AccessKind.Create, "is persistent but op 0 creates it")]
    [TestCase(AccessKind.Free, "is persistent but is freed after op 0")]
    [TestCase(AccessKind.None, "does nothing to tensor 0")]
    [TestCase((AccessKind)16, "there is no such access")]
    [TestCase(AccessKind.Write, null)]
    public void A_persistent_tensor_is_only_used(AccessKind kind, string? rule)
    {
        var builder = new TraceBuilder(new TraceHeader("life"));
        int tensor = builder.AddTensor(new TraceTensor(8, TensorKind.Parameter, IsPersistent: true));
        builder.AddOp(new TraceOp("op", 1));
        builder.Access(tensor, kind);
        AssertRule(builder, rule);
    }

    private static readonly (TraceHeader Header, TraceTensor Tensor, TraceOp Op, string Rule)[] _bad =
    [
        (Header, Tensor, Op with { Seconds = -1 }, "takes -1 seconds"),
        (Header, Tensor, Op with { Seconds = double.NaN }, "takes NaN seconds"),
        (Header, Tensor, Op with { Seconds = 2e9 }, "take more than 1000000000 seconds together"),
        (Header, Tensor, Op with { WorkspaceBytes = -1 }, "workspaceBytes -1"),
        (Header, Tensor, Op with { MicroBatch = -1 }, "microBatch -1"),
        (Header, Tensor, Op with { MicroBatch = 1 << 20 }, "microBatch 1048576"),
        (Header, Tensor, Op with { Phase = (OpPhase)3 }, "has phase 3"),
        (Header, Tensor, new TraceOp(null!, 1), "Op 0 has no name"),
        (Header, Tensor with { Bytes = 0 }, Op, "has 0 bytes"),
        (Header, Tensor with { Bytes = long.MaxValue }, Op, "has 9223372036854775807 bytes"),
        (Header, Tensor with { Kind = (TensorKind)7 }, Op, "has kind 7"),
        (Header with { BaselineBytes = -1 }, Tensor, Op, "baselineBytes is -1"),
        (Header with { Tokens = -1 }, Tensor, Op, "tokens is -1"),
        (Header with { Name = null! }, Tensor, Op, "name or source is null"),
    ];

    private static TraceHeader Header => new("bad");

    private static TraceTensor Tensor => new(8, TensorKind.Parameter, IsPersistent: true);

    private static TraceOp Op => new("op", 1);

    [TestCaseSource(nameof(_bad))]
    public void A_value_out_of_range_is_refused((TraceHeader Header, TraceTensor Tensor, TraceOp Op, string Rule) bad)
    {
        var builder = new TraceBuilder(bad.Header);
        builder.AddTensor(bad.Tensor);
        builder.AddOp(bad.Op);
        AssertRule(builder, bad.Rule);
    }

    [Test]
    public void Sums_that_would_overflow_are_refused()
    {
        var tensors = new TraceBuilder(new TraceHeader("sum"));
        for (int i = 0; i < 3; i++) tensors.AddTensor(new TraceTensor(1L << 55, TensorKind.Parameter, IsPersistent: true));
        tensors.AddOp(new TraceOp("op", 1));
        AssertRule(tensors, "The tensors up to number 2 have more than");

        var accesses = new TraceBuilder(new TraceHeader("sum"));
        accesses.AddTensor(new TraceTensor(1L << 55, TensorKind.Parameter, IsPersistent: true));
        for (int i = 0; i < 65; i++)
        {
            accesses.AddOp(new TraceOp("op", 1));
            accesses.Access(0, AccessKind.Read);
        }

        AssertRule(accesses, "The ops up to number 64 use more than");
    }

    [Test]
    public void An_access_to_no_tensor_is_refused()
    {
        var builder = new TraceBuilder(new TraceHeader("index"));
        builder.AddOp(new TraceOp("op", 1));
        builder.Access(0, AccessKind.Read);
        AssertRule(builder, "names tensor 0; there are 0");
    }

    [Test]
    public void Accesses_of_one_op_to_a_tensor_are_combined_also_when_there_are_many()
    {
        const int count = 100_000;
        var builder = new TraceBuilder(new TraceHeader("many"));
        for (int i = 0; i < count; i++) builder.AddTensor(new TraceTensor(8, TensorKind.Parameter, IsPersistent: true));
        builder.AddOp(new TraceOp("first", 1));
        builder.Access(0, AccessKind.Read);
        builder.AddOp(new TraceOp("second", 1));
        for (int i = 0; i < count; i++) builder.Access(i, AccessKind.Read);
        for (int i = 0; i < count; i++) builder.Access(i, AccessKind.Write);
        Trace trace = builder.Build();
        Assert.That(trace.AccessesOf(0).ToArray(), Is.EqualTo(new[] { new TraceAccess(0, AccessKind.Read) }));
        Assert.That(trace.AccessesOf(1).ToArray().Select(static access => access.Kind), Is.All.EqualTo(AccessKind.Read | AccessKind.Write));
        Assert.That(trace.AccessesOf(1).Length, Is.EqualTo(count));
    }

    private static void AssertRule(TraceBuilder builder, string? rule)
    {
        if (rule is null) Assert.That(builder.Build, Throws.Nothing);
        else Assert.That(builder.Build, Throws.TypeOf<TraceFormatException>().With.Message.Contains(rule));
    }
}
