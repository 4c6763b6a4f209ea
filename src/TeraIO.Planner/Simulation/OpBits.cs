using System.Numerics;

namespace TeraIO.Planner.Simulation;

/// <summary>A set of numbers below a limit that finds its largest member up to a given one in a handful of steps: bits with summaries of 64 each.</summary>
internal sealed class OpBits
{
    private readonly ulong[][] _levels; // level 0 holds the members; each bit of the next says that a word is not 0

    public OpBits(int limit)
    {
        var levels = new List<ulong[]>();
        int words = limit;
        do
        {
            words = (words + 63) >> 6;
            levels.Add(new ulong[Math.Max(words, 1)]);
        }
        while (words > 1);
        _levels = [.. levels];
    }

    public void Add(int item)
    {
        foreach (ulong[] level in _levels)
        {
            ref ulong word = ref level[item >> 6];
            ulong before = word;
            word |= 1UL << (item & 63);
            if (before != 0) return;
            item >>= 6;
        }
    }

    public void Remove(int item)
    {
        foreach (ulong[] level in _levels)
        {
            ref ulong word = ref level[item >> 6];
            word &= ~(1UL << (item & 63));
            if (word != 0) return;
            item >>= 6;
        }
    }

    /// <summary>The largest member that is not above <paramref name="item"/>; -1 when there is none.</summary>
    public int FindLast(int item)
    {
        for (int depth = 0; depth < _levels.Length && item >= 0; depth++)
        {
            ulong word = _levels[depth][item >> 6] & (ulong.MaxValue >> (63 - (item & 63)));
            if (word != 0) return Descend(depth, (item & ~63) + BitOperations.Log2(word));
            item = (item >> 6) - 1;
        }

        return -1;
    }

    private int Descend(int depth, int item)
    {
        while (depth > 0)
        {
            depth--;
            item = (item << 6) + BitOperations.Log2(_levels[depth][item]);
        }

        return item;
    }
}
