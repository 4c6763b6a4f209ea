using TeraIO.Core.Residency;

namespace TeraIO.Core.Runtime;

/// <summary>
/// What one thread holds in memory while its outermost op runs: everything that the op and the ops inside it touched. An op may
/// have taken raw pointers, so nothing of it may move before it ends. One per thread; touched by that thread only.
/// </summary>
internal sealed class OpFrame
{
    [ThreadStatic]
    private static OpFrame? _current;

    private readonly EngineState _owner;

    private OpFrame(EngineState owner)
    {
        _owner = owner;
    }

    /// <summary>The calling thread's frame in this engine; what an earlier engine left on the thread is forgotten.</summary>
    public static OpFrame Of(EngineState engine)
    {
        OpFrame? current = _current;
        return current?._owner == engine ? current : _current = new OpFrame(engine);
    }

    /// <summary>Pinned blocks; a block appears once per pin.</summary>
    public List<TensorBlock> Pinned { get; } = [];

    /// <summary>Blocks to bring back before the op runs; empty between ops.</summary>
    public List<TensorBlock> Missing { get; } = [];

    /// <summary>The op's stream was looked at.</summary>
    public bool HasEnteredStream { get; set; }

    /// <summary>Name of the outermost op, for errors and statistics.</summary>
    public string OpName { get; set; } = "(outside any op)";
}
