using System.Buffers.Binary;
using System.Text;

namespace TeraIO.TestSupport.Import;

/// <summary>Writes pickles of plain values the way Python's pickler does: protocol 2 to 4, with and without memo.</summary>
public sealed class PickleBytes(int protocol = 4)
{
    private readonly List<byte> _out = [];
    private readonly Dictionary<string, int> _memo = [];
    private int _memoCount;

    /// <summary>The pickle of a value: null, bool, int, long, double, string, object[] (tuple), List (list) or Dictionary.</summary>
    public static byte[] Of(object? value, int protocol = 4)
    {
        var writer = new PickleBytes(protocol);
        writer._out.Add(0x80);
        writer._out.Add((byte)protocol);
        writer.Write(value);
        writer._out.Add((byte)'.');
        return writer._out.ToArray();
    }

    /// <summary>
    /// A snapshot as <c>torch.cuda.memory._dump_snapshot</c> writes it: a block from before the history, one that stays all the time, two that come
    /// and go, one that stays at the end.
    /// </summary>
    public static Dictionary<string, object?> Snapshot(bool hasTimes = true)
    {
        List<object?> frames = [Dictionary(("name", "forward"), ("filename", "/model/net.py"), ("line", 12)), Dictionary(("name", "main"), ("filename", "/model/train.py"), ("line", 99))];
        var history = new List<object?>
        {
            Event("segment_alloc", 4096, 1 << 20, 10),
            Event("alloc", 4096, 1000, 10),
            Event("free_requested", 70_000_000_000_000, 3000, 15),
            Event("free_completed", 70_000_000_000_000, 3000, 15),
            Event("alloc", 8192, 500, 20),
            Event("free_requested", 4096, 1000, 25),
            Event("free_completed", 4096, 1000, 26),
            Event("alloc", 4096, 700, 40),
            Event("free_requested", 8192, 500, 45),
            Event("free_completed", 8192, 500, 50),
        };
        List<object?> blocks =
        [
            Dictionary(("address", 4096L), ("size", 1024L), ("requested_size", 700L), ("state", "active_allocated"), ("frames", frames)),
            Dictionary(("address", 5120L), ("size", 2048L), ("requested_size", 2000L), ("state", "active_allocated"), ("frames", new List<object?>())),
            Dictionary(("address", 7168L), ("size", 1024L), ("requested_size", 0L), ("state", "inactive"), ("frames", new List<object?>())),
        ];
        List<object?> segments =
        [
            Dictionary(("device", 0), ("address", 4096L), ("total_size", 1L << 20), ("allocated_size", 3072L), ("stream", 0), ("segment_type", "large"), ("segment_pool_id", new object?[] { 0, 0 }), ("blocks", blocks)),
        ];
        return Dictionary(("segments", segments), ("device_traces", new List<object?> { history, new List<object?>() }), ("allocator_settings", Dictionary(("expandable_segments", false), ("garbage_collection_threshold", 0.0), ("PYTORCH_CUDA_ALLOC_CONF", null))));

        Dictionary<string, object?> Event(string action, long address, long size, long time)
        {
            Dictionary<string, object?> entry = Dictionary(("action", action), ("addr", address), ("size", size), ("stream", 0), ("frames", frames));
            if (hasTimes) entry["time_us"] = 1_783_874_588_000_000 + time;
            return entry;
        }
    }

    private static Dictionary<string, object?> Dictionary(params (string Key, object? Value)[] items) => items.ToDictionary(static item => item.Key, static item => item.Value);

    private void Write(object? value)
    {
        switch (value)
        {
            case null: Op('N'); break;
            case bool b: _out.Add(b ? (byte)0x88 : (byte)0x89); break;
            case int i: Integer(i); break;
            case long l: Integer(l); break;
            case double d:
                Op('G');
                Bytes(8, span => BinaryPrimitives.WriteDoubleBigEndian(span, d));
                break;
            case string s: Text(s); break;
            case object?[] tuple: Tuple(tuple); break;
            case List<object?> list:
                Op(']');
                Memoize();
                Op('(');
                foreach (object? item in list) Write(item);
                Op('e');
                break;
            case Dictionary<string, object?> dictionary:
                Op('}');
                Memoize();
                Op('(');
                foreach ((string key, object? item) in dictionary)
                {
                    Text(key);
                    Write(item);
                }

                Op('u');
                break;
            default: throw new ArgumentException($"A pickle of {value.GetType()} is not written.", nameof(value));
        }
    }

    private void Tuple(object?[] tuple)
    {
        if (tuple.Length > 3) Op('(');
        foreach (object? item in tuple) Write(item);
        if (tuple.Length > 3) Op('t');
        else _out.Add(tuple.Length == 0 ? (byte)')' : (byte)(0x84 + tuple.Length));
    }

    private void Integer(long value)
    {
        if (value is >= 0 and < 256)
        {
            Op('K');
            _out.Add((byte)value);
        }
        else if (value is >= 0 and < 65536)
        {
            Op('M');
            Bytes(2, span => BinaryPrimitives.WriteUInt16LittleEndian(span, (ushort)value));
        }
        else if (value is >= int.MinValue and <= int.MaxValue)
        {
            Op('J');
            Bytes(4, span => BinaryPrimitives.WriteInt32LittleEndian(span, (int)value));
        }
        else
        {
            _out.Add(0x8A);
            _out.Add(8);
            Bytes(8, span => BinaryPrimitives.WriteInt64LittleEndian(span, value));
        }
    }

    private void Text(string value)
    {
        if (_memo.TryGetValue(value, out int known))
        {
            Op('h');
            _out.Add((byte)known);
            return;
        }

        byte[] utf8 = Encoding.UTF8.GetBytes(value);
        if (protocol >= 4 && utf8.Length < 256)
        {
            _out.Add(0x8C);
            _out.Add((byte)utf8.Length);
        }
        else
        {
            Op('X');
            Bytes(4, span => BinaryPrimitives.WriteInt32LittleEndian(span, utf8.Length));
        }

        _out.AddRange(utf8);
        if (_memoCount < 256) _memo[value] = _memoCount;
        Memoize();
    }

    private void Memoize()
    {
        if (protocol >= 4)
        {
            _out.Add(0x94);
        }
        else if (_memoCount < 256)
        {
            Op('q');
            _out.Add((byte)_memoCount);
        }
        else
        {
            Op('r');
            Bytes(4, span => BinaryPrimitives.WriteInt32LittleEndian(span, _memoCount));
        }

        _memoCount++;
    }

    private void Op(char opcode) => _out.Add((byte)opcode);

    private void Bytes(int count, WriteSpan write)
    {
        Span<byte> span = stackalloc byte[count];
        write(span);
        _out.AddRange(span);
    }

    private delegate void WriteSpan(Span<byte> span);
}
