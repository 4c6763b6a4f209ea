namespace TeraIO.Fuzz;

/// <summary>
/// Changes an input in ways that break parsers: cut off, flipped bits, doubled, moved and deleted slices, numbers that are too large, deep nesting,
/// exchanged words, pieces of other inputs. Deterministic for a seed.
/// </summary>
internal sealed class Mutator(Random random, byte[][] tokens)
{
    /// <summary>Inputs grow no longer: each must stay cheap.</summary>
    public const int MostBytes = 1 << 16;

    private static readonly byte[][] _numbers =
    [
        "0"u8.ToArray(), "-1"u8.ToArray(), "1e999"u8.ToArray(), "9223372036854775807"u8.ToArray(), "9223372036854775808"u8.ToArray(), "4294967296"u8.ToArray(), "72057594037927936"u8.ToArray(), "1.5"u8.ToArray(),
        "00"u8.ToArray(), "1000000"u8.ToArray(), "2147483647"u8.ToArray(), "0.0000000000000000000000001"u8.ToArray(),
    ];

    /// <summary>One to eight changes of <paramref name="input"/>; <paramref name="other"/> gives pieces.</summary>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        var bytes = new List<byte>(input);
        for (int changes = random.Next(2) == 0 ? 1 : 1 << random.Next(4); changes > 0; changes--) Change(bytes, other);
        if (bytes.Count > MostBytes) bytes.RemoveRange(MostBytes, bytes.Count - MostBytes);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, byte[] other)
    {
        if (bytes.Count == 0)
        {
            bytes.AddRange(Token());
            return;
        }

        int at = random.Next(bytes.Count);
        int length = Math.Min(bytes.Count - at, (int)Math.Pow(2, random.NextDouble() * 10));
        switch (random.Next(14))
        {
            case 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                bytes[at] = (byte)random.Next(256);
                break;
            case 3:
                bytes.RemoveRange(at, length);
                break;
            case 4:
                bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                break;
            case 5:
                Repeat(bytes, at, bytes.GetRange(at, Math.Min(length, 64)));
                break;
            case 6:
                bytes.InsertRange(at, Token());
                break;
            case 7:
                Repeat(bytes, at, [.. Token()]);
                break;
            case 8:
                ReplaceNumber(bytes, at);
                break;
            case 9:
                ExchangeWords(bytes, at, random.Next(bytes.Count));
                break;
            case 10 when other.Length > 0:
                int from = random.Next(other.Length);
                bytes.InsertRange(at, other[from..Math.Min(other.Length, from + length)]);
                break;
            case 11 when other.Length > 0:
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other[random.Next(other.Length)..]);
                break;
            case 12:
                for (int i = at; i < Math.Min(bytes.Count, at + 8); i++) bytes[i] = random.Next(2) == 0 ? (byte)0xFF : (byte)0;
                break;
            default:
                for (int i = 0; i < length; i++) bytes[at + i] = (byte)random.Next(256);
                break;
        }
    }

    /// <summary>Up to some thousand times: nesting and counting.</summary>
    private void Repeat(List<byte> bytes, int at, List<byte> piece)
    {
        int times = Math.Min(1 << random.Next(14), MostBytes / piece.Count);
        var all = new List<byte>(times * piece.Count);
        for (int i = 0; i < times; i++) all.AddRange(piece);
        bytes.InsertRange(at, all);
    }

    private void ReplaceNumber(List<byte> bytes, int at)
    {
        int begin = bytes.FindIndex(at, static b => b is >= (byte)'0' and <= (byte)'9');
        if (begin < 0) return;
        int end = begin;
        while (end < bytes.Count && bytes[end] is >= (byte)'0' and <= (byte)'9') end++;
        bytes.RemoveRange(begin, end - begin);
        bytes.InsertRange(begin, _numbers[random.Next(_numbers.Length)]);
    }

    /// <summary>Words are what stands between quotes or separators.</summary>
    private static void ExchangeWords(List<byte> bytes, int first, int second)
    {
        if (first > second) (first, second) = (second, first);
        (int begin1, int end1) = Word(bytes, first);
        (int begin2, int end2) = Word(bytes, second);
        if (end1 > begin2) return;
        List<byte> word1 = bytes.GetRange(begin1, end1 - begin1);
        List<byte> word2 = bytes.GetRange(begin2, end2 - begin2);
        bytes.RemoveRange(begin2, word2.Count);
        bytes.InsertRange(begin2, word1);
        bytes.RemoveRange(begin1, word1.Count);
        bytes.InsertRange(begin1, word2);
    }

    private static (int Begin, int End) Word(List<byte> bytes, int at)
    {
        int begin = at;
        int end = at + 1;
        while (begin > 0 && !IsSeparator(bytes[begin - 1])) begin--;
        while (end < bytes.Count && !IsSeparator(bytes[end])) end++;
        return (begin, end);
    }

    private static bool IsSeparator(byte b) => b is (byte)'"' or (byte)',' or (byte)':' or (byte)'{' or (byte)'}' or (byte)'[' or (byte)']' or (byte)' ' or (byte)'\n';

    private byte[] Token() => tokens[random.Next(tokens.Length)];
}
