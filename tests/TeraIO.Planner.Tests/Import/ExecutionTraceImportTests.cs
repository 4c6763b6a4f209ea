using System.Text;
using TeraIO.Core;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;
using TeraIO.TestSupport;
using TeraIO.TestSupport.Import;

namespace TeraIO.Planner.Tests.Import;

[TestFixture]
public class ExecutionTraceImportTests
{
    private const AccessKind R = AccessKind.Read;
    private const AccessKind W = AccessKind.Write;
    private const AccessKind C = AccessKind.Create;
    private const AccessKind F = AccessKind.Free;

    [TestCase("1.0.1")]
    [TestCase("1.0.2-chakra.0.0.4")]
    [TestCase("1.0.3-chakra.0.0.4")]
    [TestCase("1.1.0-chakra.0.0.4")]
    [TestCase("1.1.1-chakra.0.0.4")]
    public void A_training_step_becomes_the_ops_that_run_kernels(string schema)
    {
        Trace trace = Import(EtText.TrainingStep(schema).ToString());
        Assert.Multiple(() =>
        {
            Assert.That(trace.Ops.ToArray().Select(static op => op.Name), Is.EqualTo(new[] { "aten::mm", "aten::clamp_min", "aten::threshold_backward", "aten::mm", "aten::_foreach_add_" }));
            Assert.That(trace.Ops.ToArray().Select(static op => op.Phase), Is.EqualTo(new[] { OpPhase.Forward, OpPhase.Forward, OpPhase.Backward, OpPhase.Backward, OpPhase.Update }));
            Assert.That(trace.Header.Source, Does.Contain(schema).And.Contain("cuda:0"));
        });
    }

    [Test]
    public void Lifetimes_are_those_of_storages_and_an_address_that_is_allocated_again_is_another_tensor()
    {
        Trace trace = Import(EtText.TrainingStep().ToString());
        string[] lines = [.. Enumerable.Range(0, trace.Ops.Length).Select(op => string.Join(" ", trace.AccessesOf(op).ToArray()
            .OrderBy(static access => access.Tensor).Select(access => $"{Named(trace.Tensors[access.Tensor])}:{AccessLetters.OfText(access.Kind)}")))];
        Assert.That(lines, Is.EqualTo(new[]
        {
            "Parameter!128:r Parameter!256:r Temporary128:cw",
            "Temporary128:rf Activation128:cw",
            "Activation128:rf Unknown!128:r Temporary128:cw",
            "Parameter!128:r Temporary128:rf Gradient256:cw",
            "Parameter!256:rw Gradient256:rf",
        }));
    }

    [Test]
    public void Durations_come_from_the_roofline()
    {
        var options = new ImportOptions { FlopsPerSecond = 1000, BytesPerSecond = 1e12, SecondsPerOp = 0.25 };
        Trace trace = Import(EtText.TrainingStep().ToString(), options);
        // 2 x 4 x 8 x 8 operations; relu moves few bytes and takes as long as any op.
        Assert.That(trace.Ops[0].Seconds, Is.EqualTo(0.512));
        Assert.That(trace.Ops[1].Seconds, Is.EqualTo(0.25));
        trace = Import(EtText.TrainingStep().ToString(), options with { FlopsPerSecond = 1e12, BytesPerSecond = 512 });
        // relu reads and writes 128 bytes.
        Assert.That(trace.Ops[1].Seconds, Is.EqualTo(0.5));
    }

    [Test]
    public void The_step_is_cut_out_by_its_mark()
    {
        string text = new EtText()
            .Node(2, 1, "ProfilerStep#0").Node(3, 2, "aten::a_", "aten::a_(Tensor(a!) self) -> Tensor(a!)", [EtText.Tensor(100, 200, 8)], [EtText.Tensor(100, 200, 8)])
            .Node(4, 1, "ProfilerStep#1").Node(5, 4, "aten::b_", "aten::b_(Tensor(a!) self) -> Tensor(a!)", [EtText.Tensor(100, 200, 8)], [EtText.Tensor(100, 200, 8)])
            .Node(6, 1, "ProfilerStep#2").Node(7, 6, "aten::c_", "aten::c_(Tensor(a!) self) -> Tensor(a!)", [EtText.Tensor(100, 200, 8)], [EtText.Tensor(100, 200, 8)]).ToString();
        Assert.Multiple(() =>
        {
            Assert.That(Import(text).Ops[0].Name, Is.EqualTo("aten::b_"), "the last that another follows");
            Assert.That(Import(text, new ImportOptions { Step = 0 }).Ops[0].Name, Is.EqualTo("aten::a_"));
            Assert.That(Import(text, new ImportOptions { Step = 2 }).Ops[0].Name, Is.EqualTo("aten::c_"));
            Assert.That(Import(text, new ImportOptions { StepMarker = "nothing" }).Ops.Length, Is.EqualTo(3));
            Assert.That(() => Import(text, new ImportOptions { Step = 3 }), Throws.TypeOf<TraceFormatException>().With.Message.Contains("there is no step 3"));
        });
    }

    [Test]
    public void A_tensor_of_another_step_is_there_all_the_time_or_comes_with_its_first_use()
    {
        string text = new EtText()
            .Node(2, 1, "step").Node(3, 2, "aten::k", "aten::k(Tensor x) -> Tensor", [EtText.Tensor(100, 200, 8)], [EtText.Tensor(101, 201, 16)])
            .Node(4, 1, "step").Node(5, 4, "aten::k", "aten::k(Tensor x, Tensor y) -> Tensor", [EtText.Tensor(100, 200, 8), EtText.Tensor(101, 201, 16)], [EtText.Tensor(102, 202, 4)])
            .Node(6, 4, "aten::k", "aten::k(Tensor x) -> Tensor", [EtText.Tensor(102, 202, 4)], [EtText.Tensor(103, 201, 32)])
            .Node(7, 4, "aten::k", "aten::k(Tensor x) -> Tensor", [EtText.Tensor(103, 201, 32)])
            .Node(8, 1, "step").ToString();
        Trace trace = Import(text, new ImportOptions { StepMarker = "step" });
        Assert.Multiple(() =>
        {
            Assert.That(trace.Tensors.ToArray().Select(Named), Is.EqualTo(new[] { "Unknown!32", "Input64", "Temporary16", "Temporary128" }));
            Assert.That(trace.AccessesOf(0).ToArray(), Is.EquivalentTo(new[] { new TraceAccess(0, R), new TraceAccess(1, R | C | F), new TraceAccess(2, W | C) }));
        });
    }

    [Test]
    public void The_state_that_an_optimizer_makes_in_its_first_step_is_persistent()
    {
        string text = EtText.TrainingStep().Node(52, 50, "aten::zeros_like", "aten::zeros_like(Tensor self) -> Tensor", [EtText.Tensor(101, 201, 64)], [EtText.Tensor(120, 220, 64)])
            .Node(53, 50, "aten::lerp_", "aten::lerp_(Tensor(a!) self, Tensor end) -> Tensor(a!)", [EtText.Tensor(120, 220, 64), EtText.Tensor(112, 203, 64)], [EtText.Tensor(120, 220, 64)]).ToString();
        Assert.That(Import(text).Tensors.ToArray().Select(Named), Has.Member("OptimizerState!256"));
    }

    [Test]
    public void What_only_one_op_sees_is_its_workspace()
    {
        string text = new EtText()
            .Node(3, 1, "aten::k", "aten::k(Tensor x) -> Tensor", [EtText.Tensor(100, 200, 8)], [EtText.Tensor(101, 201, 8)])
            .Node(4, 3, "aten::empty", "aten::empty(int[] size) -> Tensor", ["[1000]"], [EtText.Tensor(102, 202, 1000)])
            .Node(5, 1, "aten::k", "aten::k(Tensor x) -> Tensor", [EtText.Tensor(101, 201, 8)]).ToString();
        Trace trace = Import(text);
        Assert.That(trace.Ops[0].WorkspaceBytes, Is.EqualTo(4000));
        Assert.That(trace.Tensors.ToArray().Select(static tensor => tensor.Bytes), Is.All.EqualTo(32));
    }

    [Test]
    public void An_expanded_view_does_not_make_a_tensor_larger()
    {
        string text = new EtText()
            .Node(3, 1, "aten::expand", "aten::expand(Tensor(a) self, SymInt[] size) -> Tensor(a)", [EtText.Tensor(100, 200, 8)], [EtText.Tensor(101, 200, 8000)])
            .Node(4, 1, "aten::k", "aten::k(Tensor x) -> Tensor", [EtText.Tensor(101, 200, 8000)]).ToString();
        Assert.That(Import(text).Tensors[0].Bytes, Is.EqualTo(32));
    }

    [Test]
    public void Devices_are_kept_apart()
    {
        string text = new EtText().Node(3, 1, "aten::copy_", "aten::copy_(Tensor(a!) self, Tensor src) -> Tensor(a!)", [EtText.Tensor(100, 200, 8), EtText.Tensor(101, 201, 9, "cpu")]).ToString();
        Assert.Multiple(() =>
        {
            Assert.That(Import(text).Tensors[0].Bytes, Is.EqualTo(36), "most bytes");
            Assert.That(Import(text, new ImportOptions { Device = "cuda:0" }).Tensors[0].Bytes, Is.EqualTo(32));
            Assert.That(() => Import(text, new ImportOptions { Device = "cuda:7" }), Throws.TypeOf<TraceFormatException>().With.Message.Contains("cuda:0, cpu"));
        });
    }

    [TestCase("aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)", 0b1UL)]
    [TestCase("aten::mul.out(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)", 0b100UL)]
    [TestCase("aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other) -> ()", 0b1UL)]
    [TestCase("aten::f(int[2] a=[1, 1], (int, int) b=(0, 0), Tensor(x!) c, Tensor d) -> Tensor", 0b100UL)]
    [TestCase("aten::mm(Tensor self, Tensor mat2) -> Tensor", 0UL)]
    [TestCase("", 0UL)]
    public void What_is_written_is_read_off_the_schema(string schema, ulong arguments) =>
        Assert.That(OperatorRoles.WrittenArguments(new EtNode { Name = "aten::x", Schema = schema }), Is.EqualTo(arguments));

    [TestCase("aten::linear", "[[2,3,4],[4,5]]", 0)]
    [TestCase("aten::mm", "[[2,3],[3,5]]", 60)]
    [TestCase("aten::bmm", "[[7,2,3],[7,3,5]]", 420)]
    [TestCase("aten::addmm", "[[5],[2,3],[3,5]]", 60)]
    [TestCase("aten::mv", "[[2,3],[3]]", 12)]
    [TestCase("aten::cudnn_convolution", "[[1,3,9,9],[16,3,3,3]]", 2 * 784 * 27)]
    [TestCase("aten::convolution_backward", "[[1,16,7,7],[1,3,9,9],[16,3,3,3]]", 4 * 784 * 27)]
    [TestCase("aten::_scaled_dot_product_flash_attention", "[[1,2,8,4],[1,2,8,4],[1,2,8,4]]", 4 * 64 * 8)]
    public void Work_is_counted_in_multiply_adds(string name, string shapes, double flops)
    {
        long[][] parsed = System.Text.Json.JsonSerializer.Deserialize<long[][]>(shapes)!;
        Assert.That(Roofline.Flops(name, parsed, outputElements: 784), Is.EqualTo(flops));
    }

    [TestCase("""{"nodes":[]}""", "comes before \"schema\"")]
    [TestCase("""{"schema":"2.0","nodes":[]}""", "the schema is \"2.0\"")]
    [TestCase("""{"schema":"1.0.1","nodes":7}""", "nodes must be an array")]
    [TestCase("""{"schema":"1.0.1","nodes":[]}""", "name no tensors")]
    [TestCase("""{"schema":"1.0.1","nodes":[{"name":"x"}]}""", "lacks an \"id\"")]
    [TestCase("""{"schema":"1.0.1","nodes":[{"id":1,"inputs":[[1,2,0,-5,4,"cpu"]]}]}""", "-5 elements")]
    [TestCase("""{"schema":"1.0.1","nodes":[{"id":1,"inputs":[[1,2,0,9223372036854775807,4,"cpu"]]}]}""", "no tensor has that")]
    [TestCase("""{"schema":"1.0.1","nodes":[{"id":1,"inputs":[[1,2,0,5,4,"cpu"]]}]}""", "none of its nodes is an operator")]
    [TestCase("""{"schema":"1.0.1","nodes":[{"id":1,"inputs":[[1,2,0,5,4,"cpu"]]},{"id":1}]}""", "two nodes have the id 1")]
    [TestCase("""{"schema":"1.0.1","nodes":[{"id":1}""", "not valid JSON")]
    public void It_says_what_is_wrong(string text, string pattern) =>
        Assert.That(() => Import(text), Throws.TypeOf<TraceFormatException>().With.Message.Match(pattern).And.Message.StartsWith("et.json"));

    [Test]
    public void Nodes_that_hang_in_a_circle_or_a_long_chain_do_no_harm()
    {
        const string schema = "aten::k(Tensor x) -> Tensor";
        string circle = new EtText().Node(3, 4, "aten::k", schema, [EtText.Tensor(100, 200, 8)]).Node(4, 3, "aten::k", schema, [EtText.Tensor(100, 200, 8)]).ToString();
        Assert.That(Import(circle).Ops.Length, Is.EqualTo(1));
        var chain = new EtText();
        for (int id = 2; id < 100_000; id++) chain.Node(id, id - 1, "aten::k", schema, [EtText.Tensor(100, 200, 8)]);
        Assert.That(Import(chain.ToString()).Ops.Length, Is.EqualTo(1));
    }

    [TestCase(",{\"id\":1}", "more than 300000 nodes")]
    [TestCase(",{\"id\":1,\"inputs\":[[1,2,0,1,4,\"c\"],[1,2,0,1,4,\"c\"]]}", "name more than 400000 tensors")]
    [TestCase(",7", "a node must be an object")]
    [TestCase(" ", "more than")]
    public void Ten_gigabytes_are_refused_in_bounded_memory(string piece, string rule)
    {
        byte[] many = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(piece, 1 + (65536 / piece.Length))));
        using var endless = new RepeatingStream(Encoding.UTF8.GetBytes("{\"schema\":\"1.0.1\",\"nodes\":[{\"id\":0}"), many, 10_000_000_000);
        FormatLimits limits = new ImportOptions().EffectiveLimits with { Ops = 300_000, Accesses = 1_600_000, Bytes = 1 << 27 };
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => TraceImporter.Read(endless, "huge.json", new ImportOptions { Limits = limits }), Throws.TypeOf<TraceFormatException>().With.Message.Contains(rule));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(150_000_000));
    }

    [Test]
    public void Bad_options_are_refused()
    {
        foreach (ImportOptions options in (ImportOptions[])[new() { FlopsPerSecond = 0 }, new() { BytesPerSecond = double.NaN }, new() { SecondsPerOp = -1 }, new() { Step = -1 }])
            Assert.That(() => Import("{}", options), Throws.TypeOf<ConfigurationException>());
    }

    private static string Named(TraceTensor tensor) => $"{tensor.Kind}{(tensor.IsPersistent ? "!" : "")}{tensor.Bytes}";

    private static Trace Import(string text, ImportOptions? options = null)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        return TraceImporter.Read(stream, "et.json", options);
    }

    private static class AccessLetters
    {
        public static string OfText(AccessKind kind) => (kind.HasFlag(C) ? "c" : "") + (kind.HasFlag(R) ? "r" : "") + (kind.HasFlag(W) ? "w" : "") + (kind.HasFlag(F) ? "f" : "");
    }
}
