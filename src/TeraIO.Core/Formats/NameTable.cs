using System.Text;

namespace TeraIO.Core.Formats;

/// <summary>Equal names become one string; the different ones together stay within a limit. Not thread-safe.</summary>
internal sealed class NameTable
{
    private readonly FormatLimits _limits;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly char[] _characters;
    private long _bytes;

    public NameTable(FormatLimits limits)
    {
        _limits = limits;
        _lookup = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        _characters = new char[limits.NameBytes];
    }

    /// <summary>The current string of <paramref name="tokens"/>.</summary>
    public string Get(JsonTokens tokens, string what)
    {
        tokens.ExpectString(what);
        ReadOnlySpan<byte> text = tokens.Text;
        if (text.Length > _limits.NameBytes) throw tokens.Fault($"{what} has {text.Length} bytes; at most {_limits.NameBytes} are allowed.");
        ReadOnlySpan<char> characters = _characters.AsSpan(0, Encoding.UTF8.GetChars(text, _characters));
        if (_lookup.TryGetValue(characters, out string? known)) return known;
        _bytes += text.Length;
        if (_bytes > _limits.TextBytes) throw tokens.Fault($"the names together have more than {new ByteSize(_limits.TextBytes)}, which is the limit.");
        string name = characters.ToString();
        _names.Add(name);
        return name;
    }

    /// <summary>The same, with null for JSON's null.</summary>
    public string? GetOrNull(JsonTokens tokens, string what) => tokens.Type == System.Text.Json.JsonTokenType.Null ? null : Get(tokens, what);
}
