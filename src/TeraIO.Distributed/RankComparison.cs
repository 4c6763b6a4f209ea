using System.Runtime.InteropServices;

namespace TeraIO.Distributed;

/// <summary>A place where a rank is not as rank 0.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Index">The first entry of its list that differs; the length of the shorter list when one only ends earlier.</param>
internal readonly record struct RankDifference(int Rank, int Index);

/// <summary>Holds lists of the ranks against each other. Collective; every rank comes to the same answer, so that all can stop together.</summary>
internal static class RankComparison
{
    /// <summary>The first rank whose list is not that of rank 0; null when all are equal.</summary>
    public static RankDifference? First(ICommunicator ranks, ReadOnlySpan<ulong> own)
    {
        Span<int> lengths = stackalloc int[ranks.Size];
        ReadOnlySpan<int> ownLength = [own.Length];
        ranks.Gather(MemoryMarshal.AsBytes(ownLength), MemoryMarshal.AsBytes(lengths));
        int longest = 0;
        foreach (int length in lengths) longest = Math.Max(longest, length);
        var padded = new ulong[longest];
        own.CopyTo(padded);
        var all = new ulong[longest * ranks.Size];
        ranks.Gather(MemoryMarshal.AsBytes(padded.AsSpan()), MemoryMarshal.AsBytes(all.AsSpan()));
        ReadOnlySpan<ulong> first = all.AsSpan(0, lengths[0]);
        for (int rank = 1; rank < ranks.Size; rank++)
        {
            ReadOnlySpan<ulong> other = all.AsSpan(rank * longest, lengths[rank]);
            int equal = first.CommonPrefixLength(other);
            if (equal < Math.Max(first.Length, other.Length)) return new RankDifference(rank, equal);
        }

        return null;
    }
}
