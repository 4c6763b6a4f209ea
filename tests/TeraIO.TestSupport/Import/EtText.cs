using System.Globalization;
using System.Text;

namespace TeraIO.TestSupport.Import;

/// <summary>
/// Writes small execution traces in the two forms that PyTorch has written: 1.0.1 with flat members, later ones with inputs and outputs as objects.
/// </summary>
public sealed class EtText(string schema = "1.1.0-chakra.0.0.4")
{
    private readonly StringBuilder _nodes = new();
    private readonly bool _isFlat = schema == "1.0.1";

    /// <summary>A tensor [tensor id, storage id, offset, elements, element size, device].</summary>
    public static string Tensor(int tensor, int storage, long elements, string device = "cuda:0", long offset = 0, int size = 4) =>
        string.Create(CultureInfo.InvariantCulture, $"[{tensor},{storage},{offset},{elements},{size},\"{device}\"]");

    /// <summary>A node; nodes may come in any order.</summary>
    /// <param name="id">Order of begin.</param>
    /// <param name="parent">Who called it.</param>
    /// <param name="name">Of the operator or mark.</param>
    /// <param name="opSchema">Empty for marks.</param>
    /// <param name="inputs">JSON values.</param>
    /// <param name="outputs">JSON values.</param>
    /// <param name="shapes">JSON arrays of the inputs' shapes.</param>
    /// <param name="backend">Such as triton.</param>
    public EtText Node(int id, int parent, string name, string opSchema = "", string[]? inputs = null, string[]? outputs = null, string shapes = "[]", string backend = "")
    {
        string ins = $"[{string.Join(",", inputs ?? [])}]";
        string outs = $"[{string.Join(",", outputs ?? [])}]";
        if (_nodes.Length > 0) _nodes.Append(",\n");
        if (_isFlat)
        {
            _nodes.Append(CultureInfo.InvariantCulture, $"{{\"name\":\"{name}\",\"id\":{id},\"rf_id\":1,\"parent\":{parent},\"fw_parent\":0,\"seq_id\":-1,\"scope\":0,\"tid\":1,\"fw_tid\":0,");
            _nodes.Append(CultureInfo.InvariantCulture, $"\"op_schema\":\"{opSchema}\",\"inputs\":{ins},\"input_shapes\":{shapes},\"input_types\":[],\"outputs\":{outs},\"output_shapes\":[],\"output_types\":[]}}");
        }
        else
        {
            _nodes.Append(CultureInfo.InvariantCulture, $"{{\"id\":{id},\"name\":\"{name}\",\"ctrl_deps\":{parent},\"inputs\":{{\"values\":{ins},\"shapes\":{shapes},\"types\":[]}},");
            _nodes.Append(CultureInfo.InvariantCulture, $"\"outputs\":{{\"values\":{outs},\"shapes\":[],\"types\":[]}},\"attrs\":[{{\"name\":\"rf_id\",\"type\":\"uint64\",\"value\":7}},");
            _nodes.Append(CultureInfo.InvariantCulture, $"{{\"name\":\"op_schema\",\"type\":\"string\",\"value\":\"{opSchema}\"}},{{\"name\":\"kernel_backend\",\"type\":\"string\",\"value\":\"{backend}\"}}]}}");
        }

        return this;
    }

    /// <summary>The whole file.</summary>
    public override string ToString() => $"{{\"schema\":\"{schema}\",\"pid\":1,\"time\":\"2024-01-01\",\"start_ts\":1,\"nodes\":[\n{_nodes}\n],\"finish_ts\":2}}";

    /// <summary>
    /// One training step of y = relu(x w): a product that calls an allocation, a composite around it, backward in autograd's thread, and an
    /// optimizer's update in place. Addresses are used again, as the caching allocator does.
    /// </summary>
    public static EtText TrainingStep(string schema = "1.1.0-chakra.0.0.4") => new EtText(schema)
        .Node(1, 1, "[pytorch|profiler|execution_trace|process]")
        .Node(2, 1, "[pytorch|profiler|execution_trace|thread]")
        .Node(3, 2, "ProfilerStep#0")
        .Node(10, 3, "aten::linear", "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", [Tensor(100, 200, 32), Tensor(101, 201, 64)], [Tensor(103, 203, 32)])
        .Node(11, 10, "aten::t", "aten::t(Tensor(a) self) -> Tensor(a)", [Tensor(101, 201, 64)], [Tensor(102, 201, 64)])
        .Node(12, 10, "aten::mm", "aten::mm(Tensor self, Tensor mat2) -> Tensor", [Tensor(100, 200, 32), Tensor(102, 201, 64)], [Tensor(103, 203, 32)], "[[4,8],[8,8]]")
        .Node(13, 12, "aten::empty", "aten::empty.memory_format(SymInt[] size) -> Tensor", ["[4,8]"], [Tensor(103, 203, 32)])
        .Node(20, 3, "aten::relu", "aten::relu(Tensor self) -> Tensor", [Tensor(103, 203, 32)], [Tensor(104, 204, 32)])
        .Node(21, 20, "aten::clamp_min", "aten::clamp_min(Tensor self, Scalar min) -> Tensor", [Tensor(103, 203, 32), "0"], [Tensor(104, 204, 32)])
        .Node(30, 1, "[pytorch|profiler|execution_trace|thread]")
        .Node(31, 30, "autograd::engine::evaluate_function: ReluBackward0")
        .Node(32, 31, "aten::threshold_backward", "aten::threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor", [Tensor(110, 210, 32), Tensor(104, 204, 32), "0"], [Tensor(111, 211, 32)])
        .Node(40, 30, "autograd::engine::evaluate_function: MmBackward0")
        .Node(41, 40, "aten::mm", "aten::mm(Tensor self, Tensor mat2) -> Tensor", [Tensor(100, 200, 32), Tensor(111, 211, 32)], [Tensor(112, 203, 64)], "[[8,4],[4,8]]")
        .Node(50, 3, "Optimizer.step#SGD.step")
        .Node(51, 50, "aten::_foreach_add_", "aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()", [$"[{Tensor(101, 201, 64)}]", $"[{Tensor(112, 203, 64)}]", "1"])
        .Node(60, 2, "ProfilerStep#1");
}
