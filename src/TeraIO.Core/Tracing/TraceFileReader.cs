using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using TeraIO.Core.Formats;

namespace TeraIO.Core.Tracing;

/// <summary>Reads one trace: header, tensors, ops, in one pass. Refuses what passes a limit where it stands, and what the format does not know.</summary>
internal sealed class TraceFileReader(JsonTokens tokens, FormatLimits limits)
{
    private const int Ambiguous = -1;

    private readonly NameTable _names = new(limits);
    private readonly List<TraceTensor> _tensors = [];
    private readonly List<TraceOp> _ops = [];
    private readonly List<TraceAccess> _accesses = [];
    private readonly List<int> _firstAccess = [];
    private readonly Dictionary<string, int> _tensorOfName = new(StringComparer.Ordinal);
    private int[] _lastOp = []; // per tensor, the last op that names it

    public Trace Read()
    {
        if (!tokens.Read()) throw tokens.Fault("the file is empty.");
        tokens.ExpectObject("a trace");
        var members = new MemberSet(tokens, "the trace");
        string name = "";
        string source = "";
        long baselineBytes = 0;
        long trained = 0;
        while (tokens.NextMember())
        {
            if (members.Is("format"u8, 0)) FormatHeader.CheckFormat(tokens, TraceFile.Format);
            else if (members.Is("version"u8, 1)) FormatHeader.CheckVersion(tokens, TraceFile.Version);
            else if (members.Is("name"u8, 2)) name = _names.Get(tokens, "name");
            else if (members.Is("source"u8, 3)) source = _names.Get(tokens, "source");
            else if (members.Is("baselineBytes"u8, 4)) baselineBytes = Bytes("baselineBytes");
            else if (members.Is("tokens"u8, 5)) trained = tokens.Integer("tokens");
            else if (members.Is("tensors"u8, 6)) ReadTensors(members);
            else if (members.Is("ops"u8, 7)) ReadOps(members);
            else throw members.Unknown("format, version, name, source, baselineBytes, tokens, tensors, ops");
        }

        members.Require(0, "format");
        members.Require(1, "version");
        members.Require(6, "tensors");
        members.Require(7, "ops");
        tokens.ExpectEnd();
        return Build(new TraceHeader(name, source, baselineBytes, trained));
    }

    private Trace Build(TraceHeader header)
    {
        try
        {
            TraceValidation.Check(
                header, CollectionsMarshal.AsSpan(_ops), CollectionsMarshal.AsSpan(_tensors), CollectionsMarshal.AsSpan(_accesses), CollectionsMarshal.AsSpan(_firstAccess));
        }
        catch (TraceFormatException e)
        {
            throw new TraceFormatException($"{tokens.Source}: {MessageText.Plain(e.Message)}", e) { Path = tokens.Source };
        }

        return new Trace(header, [.. _ops], [.. _tensors], [.. _accesses], [.. _firstAccess, _accesses.Count]);
    }

    private void ReadTensors(in MemberSet trace)
    {
        trace.Require(1, "version");
        tokens.ExpectArray("tensors");
        while (tokens.NextElement())
        {
            if (_tensors.Count == limits.Tensors) throw tokens.Fault($"there are more than {limits.Tensors} tensors, which is the limit.");
            ReadTensor();
        }

        _lastOp = new int[_tensors.Count];
        _lastOp.AsSpan().Fill(-1);
    }

    private void ReadTensor()
    {
        string what = $"tensor {_tensors.Count}";
        tokens.ExpectObject(what);
        var members = new MemberSet(tokens, what);
        string? name = null;
        long bytes = 0;
        var kind = TensorKind.Unknown;
        bool isPersistent = false;
        bool isMovable = true;
        while (tokens.NextMember())
        {
            if (members.Is("name"u8, 0)) name = _names.GetOrNull(tokens, "name");
            else if (members.Is("bytes"u8, 1)) bytes = Bytes("bytes");
            else if (members.Is("kind"u8, 2)) kind = Vocabulary<TensorKind>.Get(tokens, "kind");
            else if (members.Is("persistent"u8, 3)) isPersistent = tokens.Boolean("persistent");
            else if (members.Is("movable"u8, 4)) isMovable = tokens.Boolean("movable");
            else throw members.Unknown("name, bytes, kind, persistent, movable");
        }

        members.Require(1, "bytes");
        if (bytes <= 0) throw tokens.Fault($"{what} ({name ?? "unnamed"}) has {bytes} bytes; it must have at least 1.");
        if (name is not null && !_tensorOfName.TryAdd(name, _tensors.Count)) _tensorOfName[name] = Ambiguous;
        _tensors.Add(new TraceTensor(bytes, kind, isPersistent, name, isMovable));
    }

    private void ReadOps(in MemberSet trace)
    {
        trace.Require(1, "version");
        if (!trace.Has(6)) throw tokens.Fault("the member \"ops\" comes before \"tensors\"; write the tensors first, since ops refer to them.");
        tokens.ExpectArray("ops");
        while (tokens.NextElement())
        {
            if (_ops.Count == limits.Ops) throw tokens.Fault($"there are more than {limits.Ops} ops, which is the limit.");
            ReadOp();
        }
    }

    private void ReadOp()
    {
        if (tokens.Type != JsonTokenType.StartObject) tokens.ExpectObject($"op {_ops.Count}");
        var members = new MemberSet(tokens, "the op");
        string? name = null;
        string? module = null;
        double seconds = 0;
        var phase = OpPhase.Forward;
        int microBatch = 0;
        long workspaceBytes = 0;
        _firstAccess.Add(_accesses.Count);
        while (tokens.NextMember())
        {
            if (members.Is("name"u8, 0)) name = _names.Get(tokens, "name");
            else if (members.Is("seconds"u8, 1)) seconds = Seconds();
            else if (members.Is("phase"u8, 2)) phase = Vocabulary<OpPhase>.Get(tokens, "phase");
            else if (members.Is("module"u8, 3)) module = _names.GetOrNull(tokens, "module");
            else if (members.Is("microBatch"u8, 4)) microBatch = tokens.Index("microBatch");
            else if (members.Is("workspaceBytes"u8, 5)) workspaceBytes = Bytes("workspaceBytes");
            else if (members.Is("accesses"u8, 6)) ReadAccesses();
            else throw members.Unknown("name, seconds, phase, module, microBatch, workspaceBytes, accesses");
        }

        members.Require(0, "name");
        members.Require(1, "seconds");
        _ops.Add(new TraceOp(name!, seconds, phase, module, microBatch, workspaceBytes));
    }

    private void ReadAccesses()
    {
        tokens.ExpectArray("accesses");
        while (tokens.NextElement())
        {
            if (_accesses.Count == limits.Accesses) throw tokens.Fault($"there are more than {limits.Accesses} accesses, which is the limit.");
            if (tokens.Type != JsonTokenType.StartObject) tokens.ExpectObject("an access");
            var members = new MemberSet(tokens, "the access");
            int tensor = 0;
            var kind = AccessKind.None;
            while (tokens.NextMember())
            {
                if (members.Is("t"u8, 0)) tensor = Tensor();
                else if (members.Is("a"u8, 1)) kind = Kind();
                else throw members.Unknown("t, a");
            }

            members.Require(0, "t");
            members.Require(1, "a");
            if (_lastOp[tensor] == _ops.Count) throw tokens.Fault($"op {_ops.Count} names tensor {tensor} twice; write one access with all letters.");
            _lastOp[tensor] = _ops.Count;
            _accesses.Add(new TraceAccess(tensor, kind));
        }
    }

    private int Tensor()
    {
        if (tokens.Type == JsonTokenType.String)
        {
            string name = _names.Get(tokens, "t");
            if (!_tensorOfName.TryGetValue(name, out int named)) throw tokens.Fault($"op {_ops.Count} names tensor {tokens.Shown()}, which is not among the tensors.");
            return named != Ambiguous ? named : throw tokens.Fault($"op {_ops.Count} names tensor {tokens.Shown()}, but several tensors have that name; write its number instead.");
        }

        long index = tokens.Integer("t");
        if (index >= 0 && index < _tensors.Count) return (int)index;
        throw tokens.Fault($"op {_ops.Count} names tensor {index}; there are {_tensors.Count}, counted from 0.");
    }

    private AccessKind Kind()
    {
        tokens.ExpectString("a");
        if (AccessLetters.TryParse(tokens.Text, out AccessKind kind)) return kind;
        throw tokens.Fault($"a is {tokens.Shown()}; it must be letters out of r (reads), w (writes), c (creates), f (frees), each at most once.");
    }

    private double Seconds()
    {
        double seconds = tokens.Real("seconds");
        return seconds >= 0 ? seconds : throw tokens.Fault($"seconds is {tokens.Shown()}; it must not be negative.");
    }

    /// <summary>A number of bytes, or a size with a unit as people write it.</summary>
    private long Bytes(string what)
    {
        long bytes;
        if (tokens.Type == JsonTokenType.String)
        {
            tokens.ExpectString(what);
            if (tokens.Text.Length > 40 || !ByteSize.TryParse(Encoding.UTF8.GetString(tokens.Text), out ByteSize size))
                throw tokens.Fault($"{what} is {tokens.Shown()}; it must be a number of bytes or a size such as \"64 MiB\".");
            bytes = size.Bytes;
        }
        else
        {
            bytes = tokens.Integer(what);
        }

        return bytes >= 0 ? bytes : throw tokens.Fault($"{what} is {bytes}; it must not be negative.");
    }
}
