using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Formats;

/// <summary>
/// JSON of any length from a stream, one token at a time, in a buffer that holds one token at most. Every fault names the file, line and byte.
/// Comments and trailing commas are let pass, since people write these files too. Not thread-safe; does not own the stream.
/// </summary>
internal sealed class JsonTokens
{
    private const int FirstBuffer = 1 << 16;

    /// <summary>No string of any of the formats comes near; a longer one is an attack or another kind of file.</summary>
    private const int LongestToken = 1 << 24;

    private readonly Stream _stream;
    private readonly FormatLimits _limits;
    private byte[] _buffer = new byte[FirstBuffer];
    private int _start;
    private int _end;
    private bool _isLast;
    private JsonReaderState _state;
    private long _dropped; // bytes that were in the buffer before its first
    private long _droppedLines;
    private long _droppedLineStart; // offset in the file of the first byte of the line that the buffer begins in
    private int _tokenStart;
    private int _valueStart;
    private int _valueLength;
    private bool _isEscaped;
    private byte[] _unescaped = [];
    private int _unescapedLength = -1;

    /// <param name="stream">Positioned at the first byte.</param>
    /// <param name="source">What to call it in messages: the path.</param>
    /// <param name="limits">On its bytes and depth.</param>
    public JsonTokens(Stream stream, string source, FormatLimits limits)
    {
        _stream = stream;
        _limits = limits;
        Source = source;
        _state = new JsonReaderState(new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = limits.Depth });
        Fill();
        if (_end >= 3 && _buffer.AsSpan(0, 3).SequenceEqual("\uFEFF"u8)) _start = 3;
    }

    /// <summary>What the stream is called in messages.</summary>
    public string Source { get; }

    /// <summary>Of the current token; None before the first and after the last.</summary>
    public JsonTokenType Type { get; private set; }

    /// <summary>The current name or string without escapes, or the digits of a number; valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Text
    {
        get
        {
            if (!_isEscaped) return _buffer.AsSpan(_valueStart, _valueLength);
            if (_unescapedLength < 0) Unescape();
            return _unescaped.AsSpan(0, _unescapedLength);
        }
    }

    /// <summary>Goes to the next token.</summary>
    /// <returns>False at the end of the text.</returns>
    /// <exception cref="TraceFormatException">It is no JSON, ends too early, or is deeper or longer than the limits allow.</exception>
    public bool Read()
    {
        _unescapedLength = -1;
        while (true)
        {
            var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isLast, _state);
            bool hasToken;
            try
            {
                hasToken = reader.Read();
            }
            catch (JsonException e)
            {
                _tokenStart = Math.Min(_end, _start + (int)reader.BytesConsumed);
                throw Fault(reader.CurrentDepth >= _limits.Depth
                    ? $"objects and arrays are nested more than {_limits.Depth} deep."
                    : $"this is not valid JSON: {Reason(e)}.");
            }

            _state = reader.CurrentState;
            if (hasToken)
            {
                Type = reader.TokenType;
                _isEscaped = reader.ValueIsEscaped;
                _tokenStart = _start + (int)reader.TokenStartIndex;
                _valueStart = _tokenStart + (Type is JsonTokenType.String or JsonTokenType.PropertyName ? 1 : 0);
                _valueLength = reader.ValueSpan.Length;
                _start += (int)reader.BytesConsumed;
                return true;
            }

            _start += (int)reader.BytesConsumed;
            _tokenStart = _start;
            if (_isLast)
            {
                Type = JsonTokenType.None;
                return false;
            }

            Fill();
        }
    }

    /// <summary>Goes to the next token, which the text must have.</summary>
    public JsonTokenType Next()
    {
        if (!Read()) throw Fault("the file ends too early.");
        return Type;
    }

    /// <summary>
    /// For a loop over the members of the object whose start is the current token: goes to the next name, or past the end.
    /// </summary>
    public bool NextMember() => Next() == JsonTokenType.PropertyName;

    /// <summary>For a loop over the elements of the array whose start is the current token: goes to the next element, or past the end.</summary>
    public bool NextElement() => Next() != JsonTokenType.EndArray;

    /// <summary>The current token must begin an object.</summary>
    public void ExpectObject(string what)
    {
        if (Type != JsonTokenType.StartObject) throw Fault($"{what} must be an object {{...}}, not {Shown()}.");
    }

    /// <summary>The current token must begin an array.</summary>
    public void ExpectArray(string what)
    {
        if (Type != JsonTokenType.StartArray) throw Fault($"{what} must be an array [...], not {Shown()}.");
    }

    /// <summary>The current token as a whole number.</summary>
    public long Integer(string what)
    {
        if (Type == JsonTokenType.Number && Utf8Parser.TryParse(Text, out long value, out int used) && used == _valueLength) return value;
        throw Fault($"{what} must be a whole number below 2^63, not {Shown()}.");
    }

    /// <summary>The current token as a whole number of 32 bits.</summary>
    public int Index(string what)
    {
        long value = Integer(what);
        return value is >= 0 and <= int.MaxValue ? (int)value : throw Fault($"{what} is {value}; it must lie between 0 and {int.MaxValue}.");
    }

    /// <summary>The current token as a finite number.</summary>
    public double Real(string what)
    {
        if (Type == JsonTokenType.Number && Utf8Parser.TryParse(Text, out double value, out int used) && used == _valueLength && double.IsFinite(value)) return value;
        throw Fault($"{what} must be a finite number, not {Shown()}.");
    }

    /// <summary>The current token as true or false.</summary>
    public bool Boolean(string what) => Type switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw Fault($"{what} must be true or false, not {Shown()}."),
    };

    /// <summary>The current token must be a string of valid UTF-8; <see cref="Text"/> has it.</summary>
    public void ExpectString(string what)
    {
        if (Type != JsonTokenType.String) throw Fault($"{what} must be a string, not {Shown()}.");
        if (!Utf8.IsValid(Text)) throw Fault($"{what} is not valid UTF-8.");
    }

    /// <summary>Goes past the value that begins at the current token.</summary>
    public void Skip()
    {
        int depth = 0;
        while (true)
        {
            if (Type is JsonTokenType.StartObject or JsonTokenType.StartArray) depth++;
            else if (Type is JsonTokenType.EndObject or JsonTokenType.EndArray) depth--;
            if (depth == 0 && Type != JsonTokenType.PropertyName) return;
            Next();
        }
    }

    /// <summary>The end of the text must follow.</summary>
    public void ExpectEnd()
    {
        if (Read()) throw Fault("something follows the end of the outermost object.");
    }

    /// <summary>The current token for a message, cut short.</summary>
    public string Shown()
    {
        switch (Type)
        {
            case JsonTokenType.String or JsonTokenType.PropertyName or JsonTokenType.Number:
                string text = System.Text.Encoding.UTF8.GetString(_buffer.AsSpan(_valueStart, Math.Min(_valueLength, 40)));
                string cut = _valueLength > 40 ? text + "..." : text;
                return Type == JsonTokenType.Number ? cut : $"\"{cut}\"";
            case JsonTokenType.StartObject: return "an object";
            case JsonTokenType.StartArray: return "an array";
            case JsonTokenType.True: return "true";
            case JsonTokenType.False: return "false";
            case JsonTokenType.Null: return "null";
            default: return "the end";
        }
    }

    /// <summary>An error at the current token.</summary>
    public TraceFormatException Fault(string message, Exception? innerException = null)
    {
        ReadOnlySpan<byte> before = _buffer.AsSpan(0, _tokenStart);
        long line = 1 + _droppedLines + before.Count((byte)'\n');
        int lineStart = before.LastIndexOf((byte)'\n') + 1;
        long column = 1 + (lineStart > 0 ? _tokenStart - lineStart : _dropped + _tokenStart - _droppedLineStart);
        return new TraceFormatException($"{Source}, line {line}, column {column} (byte {_dropped + _tokenStart}): {MessageText.Plain(message)}", innerException)
        {
            Path = Source,
            Offset = _dropped + _tokenStart,
            Line = line,
        };
    }

    /// <summary>
    /// The reader's text quotes all that follows, up to the end of the buffer, and ends in its own line number, which counts from the wrong place after
    /// a refill.
    /// </summary>
    private static string Reason(JsonException e)
    {
        int position = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return MessageText.Cut((position < 0 ? e.Message : e.Message[..position]).TrimEnd('.'), 160);
    }

    private void Fill()
    {
        ReadOnlySpan<byte> gone = _buffer.AsSpan(0, _start);
        _droppedLines += gone.Count((byte)'\n');
        if (gone.LastIndexOf((byte)'\n') is >= 0 and int last) _droppedLineStart = _dropped + last + 1;
        _dropped += _start;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        _tokenStart = 0;
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= LongestToken) throw Fault($"one string or number has more than {LongestToken} bytes.");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int read;
        try
        {
            read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (InvalidDataException e)
        {
            _tokenStart = _end;
            throw Fault("the compressed data is damaged or cut off.", e);
        }

        _isLast = read == 0;
        _end += read;
        if (_dropped + _end > _limits.Bytes) throw Fault($"the file has more than {new ByteSize(_limits.Bytes)} (decompressed), which is the limit.");
    }

    private void Unescape()
    {
        if (_unescaped.Length < _valueLength) _unescaped = new byte[Math.Max(256, _valueLength)];
        var reader = new Utf8JsonReader(_buffer.AsSpan(_valueStart - 1, _valueLength + 2), new JsonReaderOptions());
        reader.Read();
        try
        {
            _unescapedLength = reader.CopyString(_unescaped);
        }
        catch (InvalidOperationException e)
        {
            throw Fault("a string holds an escape that is no character (half of a surrogate pair) or invalid UTF-8.", e);
        }
    }
}
