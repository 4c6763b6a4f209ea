using System.Runtime.InteropServices;
using System.Text.Json;
using TeraIO.Core.Formats;

namespace TeraIO.Planner.Import;

/// <summary>
/// Reads the JSON of a PyTorch execution trace into <see cref="EtNode"/>s. Schema 1.0.1 has inputs, outputs and attributes as members of the node;
/// from 1.0.2-chakra.0.0.4 on inputs and outputs are objects and attributes a list. Tensors are the arrays
/// [tensor id, storage id, offset, elements, element size, device].
/// </summary>
internal sealed class ExecutionTraceReader(JsonTokens tokens, FormatLimits limits)
{
    private const int KeptShapes = 3;
    private const int MostDimensions = 8;
    private const long MostBytes = 1L << 50;

    private readonly NameTable _names = new(limits);
    private readonly List<string> _devices = [];
    private readonly long[] _shape = new long[MostDimensions];

    /// <summary>The schema's version.</summary>
    public string Schema { get; private set; } = "";

    /// <summary>All nodes, as the file has them: in the order in which they ended.</summary>
    public List<EtNode> Nodes { get; } = [];

    /// <summary>All tensors of all nodes.</summary>
    public List<EtTensor> Tensors { get; } = [];

    /// <summary>Names of devices.</summary>
    public IReadOnlyList<string> Devices => _devices;

    public void Read()
    {
        tokens.Next();
        tokens.ExpectObject("an execution trace");
        bool hasNodes = false;
        while (tokens.NextMember())
        {
            if (Is("schema"u8)) ReadSchema();
            else if (Is("nodes"u8))
            {
                if (Schema.Length == 0) throw tokens.Fault("the member \"nodes\" comes before \"schema\"; PyTorch writes the schema first.");
                if (hasNodes) throw tokens.Fault("the member \"nodes\" comes twice.");
                hasNodes = true;
                tokens.ExpectArray("nodes");
                while (tokens.NextElement()) ReadNode();
            }
            else
            {
                tokens.Next();
                tokens.Skip();
            }
        }

        if (!hasNodes) throw tokens.Fault("the trace has no member \"nodes\".");
        tokens.ExpectEnd();
    }

    private bool Is(ReadOnlySpan<byte> name)
    {
        if (!tokens.Text.SequenceEqual(name)) return false;
        tokens.Next();
        return true;
    }

    private void ReadSchema()
    {
        Schema = _names.Get(tokens, "schema");
        if (!Schema.StartsWith("1.0.", StringComparison.Ordinal) && !Schema.StartsWith("1.1.", StringComparison.Ordinal))
            throw tokens.Fault($"the schema is \"{Schema}\"; versions 1.0.x and 1.1.x of PyTorch's execution trace are read.");
    }

    private void ReadNode()
    {
        if (Nodes.Count == limits.Ops) throw tokens.Fault($"there are more than {limits.Ops} nodes, which is the limit.");
        tokens.ExpectObject("a node");
        var node = new EtNode { Id = -1, Parent = -1, Name = "", Schema = "", FirstTensor = Tensors.Count };
        bool hasInputs = false;
        bool hasOutputs = false;
        while (tokens.NextMember())
        {
            if (Is("id"u8)) node.Id = tokens.Integer("id");
            else if (Is("name"u8)) node.Name = _names.Get(tokens, "name");
            else if (Is("ctrl_deps"u8) || Is("parent"u8)) node.Parent = tokens.Integer("the parent");
            else if (Is("op_schema"u8)) node.Schema = _names.Get(tokens, "op_schema");
            else if (Is("inputs"u8))
            {
                if (hasInputs || hasOutputs) throw tokens.Fault("a node's inputs come twice or after its outputs.");
                hasInputs = true;
                ReadValues(ref node);
                node.InputCount = Tensors.Count - node.FirstTensor;
            }
            else if (Is("outputs"u8))
            {
                if (hasOutputs) throw tokens.Fault("a node's outputs come twice.");
                hasOutputs = true;
                EtNode ignored = default;
                ReadValues(ref ignored);
                node.OutputCount = Tensors.Count - node.FirstTensor - node.InputCount;
            }
            else if (Is("input_shapes"u8)) ReadShapes(ref node);
            else if (Is("attrs"u8)) ReadAttributes(ref node);
            else
            {
                tokens.Next();
                tokens.Skip();
            }
        }

        if (node.Id < 0) throw tokens.Fault("a node lacks an \"id\" of 0 or more.");
        Nodes.Add(node);
    }

    /// <summary>Either the values themselves or an object with values, shapes, types and strides.</summary>
    private void ReadValues(ref EtNode node)
    {
        if (tokens.Type == JsonTokenType.StartArray)
        {
            ReadArguments();
            return;
        }

        tokens.ExpectObject("inputs or outputs");
        while (tokens.NextMember())
        {
            if (Is("values"u8)) ReadArguments();
            else if (Is("shapes"u8)) ReadShapes(ref node);
            else
            {
                tokens.Next();
                tokens.Skip();
            }
        }
    }

    private void ReadArguments()
    {
        tokens.ExpectArray("values");
        for (int argument = 0; tokens.NextElement(); argument++) ReadValue(argument);
    }

    /// <summary>Any value; those that are tensors are kept. Arrays nest no deeper than the limit on depth.</summary>
    private void ReadValue(int argument)
    {
        if (tokens.Type != JsonTokenType.StartArray)
        {
            tokens.Skip();
            return;
        }

        Span<long> numbers = stackalloc long[5];
        int count = 0;
        bool isTensor = true;
        int device = -1;
        while (tokens.NextElement())
        {
            if (count < 5 && tokens.Type == JsonTokenType.Number && isTensor) isTensor = System.Buffers.Text.Utf8Parser.TryParse(tokens.Text, out numbers[count], out int used) && used == tokens.Text.Length;
            else if (count == 5 && tokens.Type == JsonTokenType.String && isTensor) device = Device();
            else
            {
                isTensor = false;
                ReadValue(argument);
            }

            count++;
        }

        if (isTensor && count == 6) AddTensor(numbers, device, argument);
    }

    private int Device()
    {
        string name = _names.Get(tokens, "a device");
        int index = _devices.IndexOf(name);
        if (index >= 0) return index;
        if (_devices.Count == 64) throw tokens.Fault("there are more than 64 devices; is this an execution trace?");
        _devices.Add(name);
        return _devices.Count - 1;
    }

    private void AddTensor(ReadOnlySpan<long> numbers, int device, int argument)
    {
        (long offset, long elements, long size) = (numbers[2], numbers[3], numbers[4]);
        if (offset is < 0 or > MostBytes || elements is < 0 or > MostBytes || size is < 0 or > 1024 || (offset + elements) * (Int128)size > MostBytes)
            throw tokens.Fault($"a tensor has offset {offset}, {elements} elements and element size {size}; no tensor has that.");
        // Each costs several times what an access of ours does.
        int most = limits.Accesses / 4;
        if (Tensors.Count == most) throw tokens.Fault($"the nodes name more than {most} tensors, which is the limit.");
        Tensors.Add(new EtTensor(numbers[0], numbers[1], (offset + elements) * size, elements * size, device, (int)size, argument));
    }

    private void ReadShapes(ref EtNode node)
    {
        if (node.Name is null || !Roofline.NeedsShapes(node.Name))
        {
            tokens.Skip();
            return;
        }

        tokens.ExpectArray("shapes");
        var shapes = new List<long[]>();
        while (tokens.NextElement())
        {
            if (shapes.Count < KeptShapes) shapes.Add(ReadShape());
            else tokens.Skip();
        }

        node.InputShapes = [.. shapes];
    }

    private long[] ReadShape()
    {
        int count = 0;
        if (tokens.Type != JsonTokenType.StartArray)
        {
            tokens.Skip();
            return [];
        }

        while (tokens.NextElement())
        {
            if (tokens.Type == JsonTokenType.Number && count < MostDimensions) _shape[count++] = Math.Clamp(tokens.Integer("a dimension"), 0, MostBytes);
            else tokens.Skip();
        }

        return _shape[..count];
    }

    private void ReadAttributes(ref EtNode node)
    {
        tokens.ExpectArray("attrs");
        while (tokens.NextElement())
        {
            tokens.ExpectObject("an attribute");
            bool isSchema = false;
            bool isBackend = false;
            while (tokens.NextMember())
            {
                if (Is("name"u8))
                {
                    tokens.ExpectString("name");
                    isSchema = tokens.Text.SequenceEqual("op_schema"u8);
                    isBackend = tokens.Text.SequenceEqual("kernel_backend"u8);
                }
                else if (Is("value"u8))
                {
                    if (isSchema) node.Schema = _names.Get(tokens, "op_schema");
                    else if (isBackend && tokens.Type == JsonTokenType.String) node.IsTriton = tokens.Text.SequenceEqual("triton"u8);
                    else tokens.Skip();
                }
                else
                {
                    tokens.Next();
                    tokens.Skip();
                }
            }
        }
    }

    /// <summary>The tensors that a node takes.</summary>
    public ReadOnlySpan<EtTensor> InputsOf(in EtNode node) => CollectionsMarshal.AsSpan(Tensors).Slice(node.FirstTensor, node.InputCount);

    /// <summary>The tensors that a node gives.</summary>
    public ReadOnlySpan<EtTensor> OutputsOf(in EtNode node) => CollectionsMarshal.AsSpan(Tensors).Slice(node.FirstTensor + node.InputCount, node.OutputCount);
}
