using System.Runtime.InteropServices;

namespace TeraIO.Cli.Bench;

/// <summary>What stands in a block: random bytes, and on each page the block's number, so that no block passes for another or for itself at another place. Thread-safe.</summary>
internal sealed class BenchPattern
{
    /// <summary>Number of what is written, from here on: no number of a block that is read.</summary>
    public const long OfWriters = 1L << 40;

    /// <summary>Number of what stands where nothing was read yet.</summary>
    public const long Nothing = -1;

    private const int Page = 4096;

    private readonly byte[] _bytes;

    public BenchPattern(int blockBytes)
    {
        _bytes = new byte[blockBytes];
        new Random(unchecked((int)0x7e8a10)).NextBytes(_bytes);
    }

    public int BlockBytes => _bytes.Length;

    public void Fill(Span<byte> to, long number)
    {
        _bytes.CopyTo(to);
        for (int at = 0; at < _bytes.Length; at += Page) MemoryMarshal.Write(to[at..], in number);
    }

    public bool Matches(ReadOnlySpan<byte> block, long number)
    {
        for (int at = 0; at < _bytes.Length; at += Page)
        {
            int end = Math.Min(at + Page, _bytes.Length);
            if (MemoryMarshal.Read<long>(block[at..]) != number || !block[(at + sizeof(long))..end].SequenceEqual(_bytes.AsSpan((at + sizeof(long))..end))) return false;
        }

        return true;
    }
}
