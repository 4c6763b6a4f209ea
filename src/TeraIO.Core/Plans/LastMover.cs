using System.Numerics;

namespace TeraIO.Core.Plans;

/// <summary>
/// Which migration moved each byte of a tensor last, over the pieces that all parts together cut it into: a segment tree whose nodes say "one
/// migration for all below" or "several", so that m moves of any parts cost m log m.
/// </summary>
internal sealed class LastMover
{
    /// <summary>No migration has moved these bytes yet.</summary>
    public const int None = -1;

    private const int Several = -2;

    private readonly long[] _bounds; // of the pieces, ascending
    private readonly int[] _nodes; // heap order: the children of n are 2n and 2n + 1
    private readonly int _width;

    /// <param name="bounds">Begins and ends of all parts, in any order and as often as they come.</param>
    public LastMover(IEnumerable<long> bounds)
    {
        _bounds = [.. bounds.Order().Distinct()];
        _width = (int)BitOperations.RoundUpToPowerOf2((uint)_bounds.Length);
        _nodes = new int[2 * _width];
        _nodes.AsSpan().Fill(None);
    }

    /// <summary>Calls <paramref name="before"/> with the last mover of each piece of a part, then makes <paramref name="mover"/> the last.</summary>
    public void Move(long from, long to, int mover, Action<int, int> before) =>
        Move(1, 0, _width, Array.BinarySearch(_bounds, from), Array.BinarySearch(_bounds, to), mover, before);

    private void Move(int node, int low, int high, int from, int to, int mover, Action<int, int> before)
    {
        if (to <= low || high <= from) return;
        bool isInside = from <= low && high <= to;
        if (_nodes[node] != Several)
        {
            if (isInside)
            {
                if (_nodes[node] != None && _nodes[node] != mover) before(_nodes[node], mover);
                _nodes[node] = mover;
                return;
            }

            _nodes[2 * node] = _nodes[(2 * node) + 1] = _nodes[node];
        }

        int middle = (low + high) / 2;
        Move(2 * node, low, middle, from, to, mover, before);
        Move((2 * node) + 1, middle, high, from, to, mover, before);
        _nodes[node] = _nodes[2 * node] == _nodes[(2 * node) + 1] ? _nodes[2 * node] : Several;
    }
}
