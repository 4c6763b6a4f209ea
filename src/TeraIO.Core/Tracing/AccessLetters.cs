using System.Text;

namespace TeraIO.Core.Tracing;

/// <summary>What an op does to a tensor as letters: <c>r</c>eads, <c>w</c>rites, <c>c</c>reates, <c>f</c>rees, in any order.</summary>
internal static class AccessLetters
{
    private const AccessKind All = AccessKind.Read | AccessKind.Write | AccessKind.Create | AccessKind.Free;

    private static readonly byte[][] _letters = MakeLetters();

    /// <summary>The letters of <paramref name="kind"/>.</summary>
    public static ReadOnlySpan<byte> Of(AccessKind kind) => _letters[(int)(kind & All)];

    /// <summary>The kind that the letters say.</summary>
    /// <returns>False for none, for other letters, and for one that comes twice.</returns>
    public static bool TryParse(ReadOnlySpan<byte> letters, out AccessKind kind)
    {
        kind = AccessKind.None;
        foreach (byte letter in letters)
        {
            AccessKind one = letter switch
            {
                (byte)'r' => AccessKind.Read,
                (byte)'w' => AccessKind.Write,
                (byte)'c' => AccessKind.Create,
                (byte)'f' => AccessKind.Free,
                _ => AccessKind.None,
            };
            if (one == AccessKind.None || (kind & one) != 0) return false;
            kind |= one;
        }

        return kind != AccessKind.None;
    }

    private static byte[][] MakeLetters()
    {
        var letters = new byte[16][];
        for (int i = 0; i < 16; i++)
        {
            var kind = (AccessKind)i;
            string text = (kind.HasFlag(AccessKind.Create) ? "c" : "") + (kind.HasFlag(AccessKind.Read) ? "r" : "")
                + (kind.HasFlag(AccessKind.Write) ? "w" : "") + (kind.HasFlag(AccessKind.Free) ? "f" : "");
            letters[i] = Encoding.UTF8.GetBytes(text);
        }

        return letters;
    }
}
