using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using TeraIO.Core;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Import;

/// <summary>
/// Reads pickles that hold nothing but dictionaries, lists, tuples, strings, numbers, booleans and None: no class is looked up and nothing is called,
/// so that a file from anywhere can do no harm. Every opcode that would is refused by name. Memory is bounded by the limits: values count against
/// <see cref="FormatLimits.Accesses"/>, text against <see cref="FormatLimits.TextBytes"/>. Not thread-safe.
/// </summary>
internal sealed class PickleReader
{
    private const int LongestText = 1 << 20;

    private readonly Stream _stream;
    private readonly string _source;
    private readonly FormatLimits _limits;
    private readonly byte[] _buffer = new byte[1 << 16];
    private readonly List<PickleValue> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly List<PickleValue> _memo = [];
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private byte[] _text = new byte[256];
    private char[] _characters = new char[256];
    private int _start;
    private int _end;
    private long _dropped;
    private long _textBytes;
    private long _values;
    private long _opcodeAt;

    public PickleReader(Stream stream, string source, FormatLimits limits)
    {
        _stream = stream;
        _source = source;
        _limits = limits;
        _lookup = _texts.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Reads the one value that the stream holds, up to its STOP.</summary>
    /// <exception cref="TraceFormatException">It is no pickle, needs a class, ends early, or passes a limit.</exception>
    public PickleValue Read()
    {
        while (true)
        {
            _opcodeAt = _dropped + _start;
            byte opcode = Byte();
            if (opcode == PickleOpcode.Stop) break;
            Execute(opcode);
        }

        if (_stack.Count != 1 || _marks.Count != 0) throw Fault($"STOP leaves {_stack.Count} values; one is expected");
        return _stack[0];
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto:
                byte protocol = Byte();
                if (protocol is < 2 or > 5) throw Fault($"protocol {protocol}; protocols 2 to 5 are read");
                break;
            case PickleOpcode.Frame: Bytes(8); break;
            case PickleOpcode.Mark: PushMark(); break;
            case PickleOpcode.Pop: Pop(); break;
            case PickleOpcode.PopMark: PopGroup(); break;
            case PickleOpcode.Dup: Push(Peek()); break;
            case PickleOpcode.None: Push(default); break;
            case PickleOpcode.NewTrue: Push(PickleValue.Boolean(true)); break;
            case PickleOpcode.NewFalse: Push(PickleValue.Boolean(false)); break;
            case PickleOpcode.BinInt: Push(PickleValue.Integer(BinaryPrimitives.ReadInt32LittleEndian(Bytes(4)))); break;
            case PickleOpcode.BinInt1: Push(PickleValue.Integer(Byte())); break;
            case PickleOpcode.BinInt2: Push(PickleValue.Integer(BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2)))); break;
            case PickleOpcode.Long1: Push(Long(Byte())); break;
            case PickleOpcode.Long4: Push(Long(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
            case PickleOpcode.BinFloat: Push(PickleValue.Real(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8)))); break;
            case PickleOpcode.ShortBinString or PickleOpcode.ShortBinUnicode: Push(Text(Byte())); break;
            case PickleOpcode.BinString or PickleOpcode.BinUnicode: Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
            case PickleOpcode.BinUnicode8: Push(Text(BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8)))); break;
            case PickleOpcode.EmptyTuple or PickleOpcode.EmptyList: Push(NewList([])); break;
            case PickleOpcode.EmptyDict: Push(NewDictionary([])); break;
            case PickleOpcode.Tuple1: Push(NewList(PopLast(1))); break;
            case PickleOpcode.Tuple2: Push(NewList(PopLast(2))); break;
            case PickleOpcode.Tuple3: Push(NewList(PopLast(3))); break;
            case PickleOpcode.Tuple or PickleOpcode.List: Push(NewList(PopGroup())); break;
            case PickleOpcode.Dict: Push(NewDictionary(Pairs(PopGroup()))); break;
            case PickleOpcode.Append: AddTo(PickleKind.List, PopLast(1)); break;
            case PickleOpcode.Appends: AddTo(PickleKind.List, PopGroup()); break;
            case PickleOpcode.SetItem: AddTo(PickleKind.Dictionary, PopLast(2)); break;
            case PickleOpcode.SetItems: AddTo(PickleKind.Dictionary, Pairs(PopGroup())); break;
            case PickleOpcode.Memoize: Memoize(_memo.Count); break;
            case PickleOpcode.BinPut: Memoize(Byte()); break;
            case PickleOpcode.LongBinPut: Memoize(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))); break;
            case PickleOpcode.BinGet: Push(Remembered(Byte())); break;
            case PickleOpcode.LongBinGet: Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
            default:
                throw Fault(PickleOpcode.Forbidden(opcode) is { } name
                    ? $"opcode {name}, which would make or call a Python object. Snapshots of PyTorch's allocator have none; this file is refused for safety"
                    : $"opcode 0x{opcode:X2}, which snapshots do not use (or the file is damaged)");
        }
    }

    private void Push(in PickleValue value)
    {
        Count(1);
        _stack.Add(value);
    }

    /// <summary>A container costs about as much memory as two values besides itself.</summary>
    private PickleValue NewList(ReadOnlySpan<PickleValue> items)
    {
        Count(2);
        return PickleValue.List(items);
    }

    private PickleValue NewDictionary(ReadOnlySpan<PickleValue> items)
    {
        Count(2);
        return PickleValue.Dictionary(items);
    }

    private void PushMark()
    {
        Count(1);
        _marks.Push(_stack.Count);
    }

    private void Count(long values)
    {
        _values += values;
        if (_values > _limits.Accesses) throw Fault($"more than {_limits.Accesses} values, which is the limit");
    }

    private PickleValue Peek()
    {
        if (_stack.Count == Floor) throw Fault("an opcode takes a value from an empty stack");
        return _stack[^1];
    }

    /// <summary>Values below the last mark are out of reach.</summary>
    private int Floor => _marks.Count == 0 ? 0 : _marks.Peek();

    private void Pop()
    {
        Peek();
        _stack.RemoveAt(_stack.Count - 1);
    }

    private PickleValue[] PopLast(int count)
    {
        if (_stack.Count - Floor < count) throw Fault($"an opcode takes {count} values from a stack of {_stack.Count - Floor}");
        PickleValue[] last = CollectionsMarshal.AsSpan(_stack)[^count..].ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return last;
    }

    private PickleValue[] PopGroup()
    {
        if (!_marks.TryPop(out int mark)) throw Fault("an opcode takes a group of values and none was begun");
        PickleValue[] group = CollectionsMarshal.AsSpan(_stack)[mark..].ToArray();
        _stack.RemoveRange(mark, _stack.Count - mark);
        return group;
    }

    private PickleValue[] Pairs(PickleValue[] items) => items.Length % 2 == 0 ? items : throw Fault("a dictionary with a key and no value");

    private void AddTo(PickleKind kind, PickleValue[] items)
    {
        if (Peek().Kind != kind) throw Fault($"an opcode adds to {Peek()} where a {kind.ToString().ToLowerInvariant()} is needed");
        Peek().Items.AddRange(items);
    }

    private void Memoize(long index)
    {
        PickleValue value = Peek();
        // Python counts up; a file that leaves great gaps asks for memory that its size does not pay for.
        if (index > _memo.Count + 1024) throw Fault($"memo number {index} where {_memo.Count} is next");
        Count(1 + Math.Max(0, index - _memo.Count));
        while (_memo.Count <= index) _memo.Add(PickleValue.Mark);
        _memo[(int)index] = value;
    }

    private PickleValue Remembered(long index)
    {
        if (index >= _memo.Count || _memo[(int)index].Kind == PickleKind.Mark) throw Fault($"memo number {index} is used and was never set");
        return _memo[(int)index];
    }

    private PickleValue Long(uint size)
    {
        if (size > 1024) throw Fault($"a number of {size} bytes");
        ReadOnlySpan<byte> bytes = Bytes((int)size);
        if (bytes.Length == 0) return PickleValue.Integer(0);
        if (bytes.Length > 8) return PickleValue.LargeInteger;
        long value = (sbyte)bytes[^1] < 0 ? -1 : 0;
        for (int i = bytes.Length - 1; i >= 0; i--) value = (value << 8) | bytes[i];
        return PickleValue.Integer(value);
    }

    private PickleValue Text(ulong size)
    {
        if (size > LongestText) throw Fault($"a string of {size} bytes; at most {LongestText} are read");
        int length = (int)size;
        if (_text.Length < length) _text = new byte[length];
        for (int done = 0; done < length;)
        {
            if (_start == _end) Fill();
            int part = Math.Min(length - done, _end - _start);
            _buffer.AsSpan(_start, part).CopyTo(_text.AsSpan(done));
            _start += part;
            done += part;
        }

        int count = Encoding.UTF8.GetMaxCharCount(length);
        if (_characters.Length < count) _characters = new char[count];
        // Paths on disk may be any bytes; Python writes those as surrogates, which become replacement characters here.
        ReadOnlySpan<char> characters = _characters.AsSpan(0, Encoding.UTF8.GetChars(_text.AsSpan(0, length), _characters));
        if (_lookup.TryGetValue(characters, out string? known)) return PickleValue.Text(known);
        _textBytes += length + 32;
        if (_textBytes > _limits.TextBytes) throw Fault($"strings of more than {new ByteSize(_limits.TextBytes)} together, which is the limit");
        string text = characters.ToString();
        _texts.Add(text);
        return PickleValue.Text(text);
    }

    private byte Byte()
    {
        if (_start == _end) Fill();
        return _buffer[_start++];
    }

    private ReadOnlySpan<byte> Bytes(int count)
    {
        while (_end - _start < count) Fill();
        _start += count;
        return _buffer.AsSpan(_start - count, count);
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _dropped += _start;
        _end -= _start;
        _start = 0;
        int read;
        try
        {
            read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (InvalidDataException e)
        {
            throw Fault("compressed data that is damaged or cut off", e);
        }

        if (read == 0) throw Fault("an end before STOP: the file is cut off");
        _end += read;
        if (_dropped + _end > _limits.Bytes) throw Fault($"more than {new ByteSize(_limits.Bytes)} (decompressed), which is the limit");
    }

    private TraceFormatException Fault(string what, Exception? innerException = null) =>
        new($"{_source}, byte {_opcodeAt}: this pickle has {MessageText.Plain(what)}.", innerException) { Path = _source, Offset = _opcodeAt };
}
