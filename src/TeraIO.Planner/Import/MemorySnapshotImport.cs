using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Import;

/// <summary>
/// Makes a <see cref="Trace"/> of a snapshot of PyTorch's caching CUDA allocator (<c>torch.cuda.memory._dump_snapshot</c>): each allocation of the
/// recorded history is an op that creates a tensor, and the tensor is freed after the op before its free. Who uses a tensor in between is not in the
/// file: good for inspection and for lower bounds on memory, not for plans.
/// </summary>
internal sealed class MemorySnapshotImport
{
    /// <summary>Frames of a stack that are looked at for a name.</summary>
    private const int MostFrames = 64;

    private sealed class Block(long bytes, string? name, int create)
    {
        public long Bytes { get; } = bytes;

        public string? Name { get; } = name;

        /// <summary>The op that allocates it; -1 when it was there before.</summary>
        public int Create { get; } = create;

        /// <summary>The op after which it is freed; -1 while it is not.</summary>
        public int Free { get; set; } = -1;
    }

    private readonly string _source;
    private readonly FormatLimits _limits;
    private readonly List<Block> _blocks = [];
    private readonly Dictionary<long, Block> _live = [];
    private readonly List<(string Name, long Microseconds)> _ops = [];
    private int _visited;

    private MemorySnapshotImport(string source, FormatLimits limits)
    {
        _source = source;
        _limits = limits;
    }

    /// <summary>Reads a snapshot and makes a trace of it.</summary>
    public static Trace Read(Stream stream, string source, ImportOptions options)
    {
        FormatLimits limits = options.EffectiveLimits;
        PickleValue snapshot = new PickleReader(stream, source, limits).Read();
        return new MemorySnapshotImport(source, limits).Import(snapshot, options);
    }

    private Trace Import(in PickleValue snapshot, ImportOptions options)
    {
        // Before history was recorded, the list of segments was the whole snapshot.
        List<PickleValue> segments = snapshot.Kind == PickleKind.List ? snapshot.Items : snapshot["segments"].Items;
        List<PickleValue> histories = snapshot["device_traces"].Items;
        if (segments.Count == 0 && histories.Count == 0) throw Fault("it has neither \"segments\" nor \"device_traces\"; is it a snapshot of torch.cuda.memory?");
        int device = ChooseDevice(segments, histories, options.Device);
        _ops.Add(("before the history", 0));
        if (device < histories.Count) Follow(histories[device].Items);
        AddFromSegments(segments, device);
        return Build(device, options);
    }

    private int ChooseDevice(List<PickleValue> segments, List<PickleValue> histories, string? wanted)
    {
        var bytes = new Dictionary<int, Int128>();
        for (int i = 0; i < histories.Count; i++)
        {
            if (histories[i].Items.Count > 0) bytes[i] = histories[i].Items.Count;
        }

        foreach (PickleValue segment in segments)
        {
            Visit();
            if (segment["device"].AsInteger is >= 0 and < 1024 and long index && segment["allocated_size"].AsInteger is >= 0 and long allocated)
                bytes[(int)index] = bytes.GetValueOrDefault((int)index) + allocated;
        }

        if (wanted is not null)
        {
            if (wanted.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(wanted.AsSpan(5), out int number) && bytes.ContainsKey(number)) return number;
            throw Fault($"it has nothing about {wanted}; devices in it are {string.Join(", ", bytes.Keys.Order().Select(static index => $"cuda:{index}"))}.");
        }

        if (bytes.Count == 0) throw Fault("no device in it has a history or allocated bytes.");
        return bytes.MaxBy(static pair => pair.Value).Key;
    }

    private void Follow(List<PickleValue> history)
    {
        foreach (PickleValue entry in history)
        {
            Visit();
            string? action = entry["action"].AsText;
            switch (action)
            {
                case "alloc":
                    Allocate(entry);
                    break;
                case "free_completed":
                case "free":
                    Free(entry);
                    break;
                case null:
                    throw Fault("an entry of \"device_traces\" has no \"action\".");
                default:
                    // Segments, requests to free (memory goes when they complete), out-of-memory notes: no tensor begins or ends.
                    break;
            }
        }
    }

    private void Allocate(in PickleValue entry)
    {
        long address = Address(entry["addr"]);
        long bytes = Size(entry["size"]);
        // Allocated twice without a free between: the history has a gap, and the first is gone.
        if (_live.Remove(address, out Block? lost)) lost.Free = _ops.Count - 1;
        string? name = NameOf(entry["frames"]);
        _ops.Add(("alloc", entry["time_us"].AsInteger is >= 0 and long time ? time : 0));
        if (_ops.Count > _limits.Ops) throw Fault($"its history has more than {_limits.Ops} allocations, which is the limit.");
        var block = new Block(bytes, name, _ops.Count - 1);
        _live[address] = block;
        _blocks.Add(block);
    }

    private void Free(in PickleValue entry)
    {
        long address = Address(entry["addr"]);
        if (!_live.Remove(address, out Block? block))
        {
            // Allocated before the history began.
            block = new Block(Size(entry["size"]), NameOf(entry["frames"]), create: 0);
            _blocks.Add(block);
        }

        block.Free = _ops.Count - 1;
    }

    /// <summary>What is allocated at the end and was not in the history is there all the time.</summary>
    private void AddFromSegments(List<PickleValue> segments, int device)
    {
        foreach (PickleValue segment in segments)
        {
            if (segment["device"].AsInteger != device) continue;
            long next = segment["address"].AsInteger ?? 0;
            foreach (PickleValue block in segment["blocks"].Items)
            {
                Visit();
                long bytes = block["size"].AsInteger is > 0 and long size ? size : throw Fault("a block of a segment has no \"size\" above 0.");
                long address = block["address"].AsInteger ?? next;
                next = unchecked(address + bytes);
                if (block["state"].AsText is not "active_allocated" || _live.ContainsKey(address)) continue;
                _blocks.Add(new Block(block["requested_size"].AsInteger is > 0 and long requested ? requested : bytes, NameOf(block["frames"]), create: -1));
                if (_blocks.Count > _limits.Tensors) throw Fault($"it has more than {_limits.Tensors} blocks, which is the limit.");
            }
        }
    }

    private Trace Build(int device, ImportOptions options)
    {
        bool hasTimes = _ops.Skip(1).Any(static op => op.Microseconds > 0);
        var builder = new TraceBuilder(new TraceHeader(
            Path.GetFileName(_source),
            $"PyTorch CUDA memory snapshot, cuda:{device}: allocations and frees without uses, for inspection and lower bounds on memory{(hasTimes ? "" : "; it has no times")}"));
        var frees = new List<int>?[_ops.Count];
        var creates = new List<int>?[_ops.Count];
        foreach (Block block in _blocks)
        {
            int tensor = builder.AddTensor(new TraceTensor(block.Bytes, TensorKind.Unknown, IsPersistent: block.Create < 0, block.Name));
            if (block.Create < 0) continue;
            (creates[block.Create] ??= []).Add(tensor);
            // What is alive at the end goes with the last op: nobody knows when it would have been freed.
            (frees[block.Free < 0 ? _ops.Count - 1 : block.Free] ??= []).Add(tensor);
        }

        for (int op = 0; op < _ops.Count; op++)
        {
            bool isTimed = op > 0 && op + 1 < _ops.Count && _ops[op].Microseconds > 0;
            double seconds = isTimed ? Math.Max(0, _ops[op + 1].Microseconds - _ops[op].Microseconds) / 1e6 : 0;
            builder.AddOp(new TraceOp(_ops[op].Name, hasTimes ? seconds : options.SecondsPerOp));
            foreach (int tensor in creates[op] ?? []) builder.Access(tensor, AccessKind.Create);
            foreach (int tensor in frees[op] ?? []) builder.Access(tensor, AccessKind.Free);
        }

        try
        {
            return builder.Build();
        }
        catch (TraceFormatException e)
        {
            throw Fault(e.Message, e);
        }
    }

    /// <summary>The innermost Python frame: who asked for the memory.</summary>
    private static string? NameOf(in PickleValue frames)
    {
        List<PickleValue> items = frames.Items;
        for (int i = 0; i < Math.Min(items.Count, MostFrames); i++)
        {
            if (items[i]["filename"].AsText is not { } file || !file.EndsWith(".py", StringComparison.Ordinal)) continue;
            return $"{items[i]["name"].AsText} ({Path.GetFileName(file)}:{items[i]["line"].AsInteger})";
        }

        return null;
    }

    private long Address(in PickleValue value) => value.AsInteger ?? throw Fault($"an entry of \"device_traces\" has the address {value}.");

    private long Size(in PickleValue value) => value.AsInteger is > 0 and long size ? size : throw Fault($"an entry of \"device_traces\" has the size {value}.");

    /// <summary>A list may hold the same list a million times: what counts is how often things are looked at, not how large the file is.</summary>
    private void Visit()
    {
        if (++_visited > _limits.Accesses) throw Fault($"it has more than {_limits.Accesses} entries, which is the limit.");
    }

    private TraceFormatException Fault(string message, Exception? innerException = null) => new($"{_source}: {MessageText.Plain(message)}", innerException) { Path = _source };
}
