using System.Text.Json;
using TeraIO.Core.Formats;

namespace TeraIO.Core.Tracing;

/// <summary>A trace as JSON: one line per tensor and per op, and nothing that has its default value.</summary>
internal static class TraceFileWriter
{
    private static readonly JsonEncodedText _name = JsonEncodedText.Encode("name");
    private static readonly JsonEncodedText _bytes = JsonEncodedText.Encode("bytes");
    private static readonly JsonEncodedText _kind = JsonEncodedText.Encode("kind");
    private static readonly JsonEncodedText _persistent = JsonEncodedText.Encode("persistent");
    private static readonly JsonEncodedText _movable = JsonEncodedText.Encode("movable");
    private static readonly JsonEncodedText _seconds = JsonEncodedText.Encode("seconds");
    private static readonly JsonEncodedText _phase = JsonEncodedText.Encode("phase");
    private static readonly JsonEncodedText _module = JsonEncodedText.Encode("module");
    private static readonly JsonEncodedText _microBatch = JsonEncodedText.Encode("microBatch");
    private static readonly JsonEncodedText _workspaceBytes = JsonEncodedText.Encode("workspaceBytes");
    private static readonly JsonEncodedText _accesses = JsonEncodedText.Encode("accesses");
    private static readonly JsonEncodedText _t = JsonEncodedText.Encode("t");
    private static readonly JsonEncodedText _a = JsonEncodedText.Encode("a");

    public static void Write(Trace trace, Stream stream)
    {
        using var lines = new JsonLines(stream);
        lines.Member("format", TraceFile.Format);
        lines.Member("version", TraceFile.Version);
        lines.Member("name", trace.Header.Name);
        if (trace.Header.Source.Length > 0) lines.Member("source", trace.Header.Source);
        lines.Member("baselineBytes", trace.Header.BaselineBytes);
        lines.Member("tokens", trace.Header.Tokens);
        lines.BeginArray("tensors");
        foreach (TraceTensor tensor in trace.Tensors)
        {
            WriteTensor(lines.BeginElement(), tensor);
            lines.EndElement();
        }

        lines.EndArray();
        lines.BeginArray("ops");
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            WriteOp(lines.BeginElement(), trace.Ops[op], trace.AccessesOf(op));
            lines.EndElement();
        }

        lines.EndArray();
        lines.End();
    }

    private static void WriteTensor(Utf8JsonWriter json, TraceTensor tensor)
    {
        if (tensor.Name is not null) json.WriteString(_name, tensor.Name);
        json.WriteNumber(_bytes, tensor.Bytes);
        if (tensor.Kind != TensorKind.Unknown) json.WriteString(_kind, Vocabulary<TensorKind>.Word(tensor.Kind));
        if (tensor.IsPersistent) json.WriteBoolean(_persistent, true);
        if (!tensor.IsMovable) json.WriteBoolean(_movable, false);
    }

    private static void WriteOp(Utf8JsonWriter json, in TraceOp op, ReadOnlySpan<TraceAccess> accesses)
    {
        json.WriteString(_name, op.Name);
        json.WriteNumber(_seconds, op.Seconds);
        json.WriteString(_phase, Vocabulary<OpPhase>.Word(op.Phase));
        if (op.Module is not null) json.WriteString(_module, op.Module);
        if (op.MicroBatch != 0) json.WriteNumber(_microBatch, op.MicroBatch);
        if (op.WorkspaceBytes != 0) json.WriteNumber(_workspaceBytes, op.WorkspaceBytes);
        json.WriteStartArray(_accesses);
        foreach (TraceAccess access in accesses)
        {
            json.WriteStartObject();
            json.WriteNumber(_t, access.Tensor);
            json.WriteString(_a, AccessLetters.Of(access.Kind));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
