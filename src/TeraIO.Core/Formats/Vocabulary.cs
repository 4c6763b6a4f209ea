using System.Text;
using System.Text.Json;

namespace TeraIO.Core.Formats;

/// <summary>The words of an enum in a file: its names in camelCase.</summary>
internal static class Vocabulary<T>
    where T : struct, Enum
{
    private static readonly T[] _values = Enum.GetValues<T>();
    private static readonly byte[][] _words = [.. _values.Select(static value => Encoding.UTF8.GetBytes(JsonNamingPolicy.CamelCase.ConvertName(value.ToString())))];

    /// <summary>All of them, for a message.</summary>
    private static string All => string.Join(", ", _words.Select(Encoding.UTF8.GetString));

    /// <summary>The word of <paramref name="value"/> in UTF-8.</summary>
    public static ReadOnlySpan<byte> Word(T value) => _words[Array.IndexOf(_values, value)];

    /// <summary>The value whose word is the current string.</summary>
    public static T Get(JsonTokens tokens, string what)
    {
        tokens.ExpectString(what);
        for (int i = 0; i < _words.Length; i++)
        {
            if (tokens.Text.SequenceEqual(_words[i])) return _values[i];
        }

        throw tokens.Fault($"{what} is {tokens.Shown()}; it must be one of {All}.");
    }
}
