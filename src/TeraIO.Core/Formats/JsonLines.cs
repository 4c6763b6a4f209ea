using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using CommunityToolkit.HighPerformance.Buffers;

namespace TeraIO.Core.Formats;

/// <summary>
/// Writes one JSON object with an object per line in its arrays: for people, diff and grep as well as for programs. Streams; not thread-safe.
/// </summary>
internal sealed class JsonLines : IDisposable
{
    private const int FlushAt = 1 << 16;

    private readonly Stream _stream;
    private readonly ArrayPoolBufferWriter<byte> _buffer = new(FlushAt + (1 << 12));
    private readonly Utf8JsonWriter _line;
    private bool _isBegun;
    private bool _inArray;
    private bool _isFirst;

    public JsonLines(Stream stream)
    {
        _stream = stream;
        // Names such as block<3> stay readable; the file is never pasted into HTML unescaped.
        _line = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
    }

    /// <summary>A member of the outermost object.</summary>
    public void Member(string name, string value)
    {
        Name(name);
        _line.WriteStringValue(value);
        EndLine();
    }

    /// <summary>A member of the outermost object.</summary>
    public void Member(string name, long value)
    {
        Name(name);
        _line.WriteNumberValue(value);
        EndLine();
    }

    /// <summary>A member of the outermost object.</summary>
    public void Member(string name, double value)
    {
        Name(name);
        _line.WriteNumberValue(value);
        EndLine();
    }

    /// <summary>Begins a member whose value is an array of objects.</summary>
    public void BeginArray(string name)
    {
        Name(name);
        Raw("["u8);
        _inArray = true;
        _isFirst = true;
    }

    /// <summary>Begins the next object of the array; the caller writes its members and calls <see cref="EndElement"/>.</summary>
    public Utf8JsonWriter BeginElement()
    {
        Raw(_isFirst ? "\n    "u8 : ",\n    "u8);
        _isFirst = false;
        _line.WriteStartObject();
        return _line;
    }

    /// <summary>Ends the object.</summary>
    public void EndElement()
    {
        _line.WriteEndObject();
        EndLine();
    }

    /// <summary>Ends the array.</summary>
    public void EndArray()
    {
        Raw(_isFirst ? "]"u8 : "\n  ]"u8);
        _inArray = false;
    }

    /// <summary>Ends the outermost object and hands everything to the stream.</summary>
    public void End()
    {
        Raw("\n}\n"u8);
        _stream.Write(_buffer.WrittenSpan);
        _buffer.Clear();
        _stream.Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _line.Dispose();
        _buffer.Dispose();
    }

    private void Name(string name)
    {
        System.Diagnostics.Debug.Assert(!_inArray, "Members belong to the outermost object.");
        Raw(_isBegun ? ",\n  "u8 : "{\n  "u8);
        _isBegun = true;
        _line.WriteStringValue(name);
        EndLine();
        Raw(": "u8);
    }

    private void EndLine()
    {
        _line.Flush();
        _line.Reset();
        if (_buffer.WrittenCount < FlushAt) return;
        _stream.Write(_buffer.WrittenSpan);
        _buffer.Clear();
    }

    private void Raw(ReadOnlySpan<byte> text) => _buffer.Write(text);
}
