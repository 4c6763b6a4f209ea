using TeraIO.Core.Tracing;

namespace TeraIO.Bounds;

/// <summary>
/// The positions at which a program checks memory, and the intervals between them, cyclic. Leaving out a position leaves out a constraint, so a program
/// over fewer positions has a lower optimum: every choice gives a lower bound, and a subset a lower one than the whole.
/// </summary>
internal sealed class Checkpoints
{
    private readonly int[] _positions;
    private readonly int _turn;

    private Checkpoints(int[] positions, int ops, bool isExact)
    {
        _positions = positions;
        _turn = 2 * ops;
        IsExact = isExact;
    }

    /// <summary>Begin and end of every op: nothing is left out.</summary>
    public bool IsExact { get; }

    public int Count => _positions.Length;

    /// <summary>Places in time, see <see cref="IdlePeriod"/>; ascending.</summary>
    public ReadOnlySpan<int> Positions => _positions;

    /// <summary>Where the next checkpoint lies; after the last one it is the first of the next iteration.</summary>
    public int PositionAfter(int index) => index + 1 < _positions.Length ? _positions[index + 1] : _positions[0] + _turn;

    /// <summary>Begin and end of every op, when that is not more than <paramref name="most"/>; else the op with the largest excess out of each of about as many stretches of the iteration.</summary>
    /// <remarks>Stretches are halves of halves, so that the choice with twice as many contains the one with fewer.</remarks>
    public static Checkpoints Choose(Trace trace, ReadOnlySpan<long> excess, int most)
    {
        int ops = trace.Ops.Length;
        if (2L * ops <= most) return new Checkpoints([.. Enumerable.Range(0, 2 * ops)], ops, isExact: true);
        int stretches = 1;
        while (stretches * 2 <= most) stretches *= 2;
        var largest = new int[stretches];
        largest.AsSpan().Fill(-1);
        double ideal = trace.IdealSeconds, seconds = 0;
        for (int op = 0; op < ops; op++)
        {
            double share = ideal > 0 ? (seconds / ideal + (double)op / ops) / 2 : (double)op / ops;
            int stretch = Math.Min(stretches - 1, (int)(share * stretches));
            if (largest[stretch] < 0 || excess[op] > excess[largest[stretch]]) largest[stretch] = op;
            seconds += trace.Ops[op].Seconds;
        }

        return new Checkpoints([.. largest.Where(static op => op >= 0).Select(static op => 2 * op)], ops, isExact: false);
    }

    /// <summary>How many checkpoints lie at or before a position, counted on through earlier and later iterations.</summary>
    public int CountThrough(int position)
    {
        int turns = (int)Math.Floor((double)position / _turn);
        int index = Array.BinarySearch(_positions, position - turns * _turn);
        return turns * _positions.Length + (index >= 0 ? index + 1 : ~index);
    }

    /// <summary>A count of checkpoints as an index into the iteration's.</summary>
    public int Wrap(int index)
    {
        int wrapped = index % _positions.Length;
        return wrapped < 0 ? wrapped + _positions.Length : wrapped;
    }
}
