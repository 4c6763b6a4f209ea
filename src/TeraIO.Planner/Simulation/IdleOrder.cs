using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>
/// The idle pieces in the order in which they are spared: by recency, or by next use (the farthest first; of those that one op uses next a
/// clean one first). Every operation is a few steps; nothing is allocated.
/// </summary>
internal sealed class IdleOrder
{
    private const int None = -1;

    private readonly bool _byNextUse;
    private readonly int _ops;
    private readonly int[] _first; // per op that is the next use; one more for "never"; by recency only [0] is used
    private readonly int[] _last;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _slot;
    private readonly OpBits? _slots;

    public IdleOrder(EvictionOrder order, int ops, int pieces)
    {
        _byNextUse = order == EvictionOrder.FarthestNextUse;
        _ops = ops;
        _first = new int[_byNextUse ? ops + 1 : 1];
        _last = new int[_first.Length];
        _next = new int[pieces];
        _previous = new int[pieces];
        _slot = new int[pieces];
        _first.AsSpan().Fill(None);
        _last.AsSpan().Fill(None);
        _slot.AsSpan().Fill(None);
        if (_byNextUse) _slots = new OpBits(ops + 1);
    }

    public bool Contains(int piece) => _slot[piece] != None;

    /// <summary>Adds a piece that is not in.</summary>
    /// <param name="piece">Which.</param>
    /// <param name="nextUse">The op that uses it next.</param>
    /// <param name="isClean">It can leave without a write.</param>
    public void Add(int piece, int nextUse, bool isClean)
    {
        int slot = _byNextUse ? nextUse : 0;
        _slot[piece] = slot;
        if (_byNextUse && _first[slot] == None) _slots!.Add(slot);
        bool atFront = _byNextUse && isClean;
        int neighbour = atFront ? _first[slot] : _last[slot];
        _previous[piece] = atFront ? None : neighbour;
        _next[piece] = atFront ? neighbour : None;
        if (neighbour == None) _first[slot] = _last[slot] = piece;
        else if (atFront) _first[slot] = _previous[neighbour] = piece;
        else _last[slot] = _next[neighbour] = piece;
    }

    /// <summary>Takes a piece out; does nothing when it is not in.</summary>
    public void Remove(int piece)
    {
        int slot = _slot[piece];
        if (slot == None) return;
        _slot[piece] = None;
        int previous = _previous[piece];
        int next = _next[piece];
        if (previous == None) _first[slot] = next;
        else _next[previous] = next;
        if (next == None) _last[slot] = previous;
        else _previous[next] = previous;
        if (_byNextUse && _first[slot] == None) _slots!.Remove(slot);
    }

    /// <summary>The piece that can be spared best while op <paramref name="op"/> is the next or running one; -1 when none is idle.</summary>
    public int Best(int op)
    {
        if (!_byNextUse) return _first[0];
        if (_first[_ops] != None) return _first[_ops];
        int slot = _slots!.FindLast(op - 1); // uses of the next iteration, the last one first
        if (slot < 0) slot = _slots.FindLast(_ops - 1); // then what is left of this one
        return slot < 0 ? None : _first[slot];
    }

    /// <summary>Adds what there is to tell of the order by recency to a hash.</summary>
    public ulong Hash(ulong hash)
    {
        if (_byNextUse) return hash;
        for (int piece = _first[0]; piece != None; piece = _next[piece]) hash = (hash ^ (uint)piece) * 0x100000001B3;
        return hash;
    }
}
