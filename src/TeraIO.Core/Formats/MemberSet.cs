namespace TeraIO.Core.Formats;

/// <summary>Which members of one object were seen: each may come once.</summary>
internal ref struct MemberSet(JsonTokens tokens, string what)
{
    private readonly JsonTokens _tokens = tokens;
    private readonly string _what = what;
    private ulong _seen;

    /// <summary>Whether the current member is <paramref name="name"/>, which has the given number; if so goes to its value.</summary>
    public bool Is(ReadOnlySpan<byte> name, int number)
    {
        if (!_tokens.Text.SequenceEqual(name)) return false;
        if ((_seen & (1UL << number)) != 0) throw _tokens.Fault($"{_what} has the member {_tokens.Shown()} twice.");
        _seen |= 1UL << number;
        _tokens.Next();
        return true;
    }

    /// <summary>Whether the member with that number was seen.</summary>
    public readonly bool Has(int number) => (_seen & (1UL << number)) != 0;

    /// <summary>The member that must be there was not.</summary>
    public readonly void Require(int number, string name)
    {
        if (!Has(number)) throw _tokens.Fault($"{_what} lacks the member \"{name}\".");
    }

    /// <summary>An error about the current member, whose name is none of the format's.</summary>
    public readonly Exception Unknown(string known) => _tokens.Fault($"{_what} has the member {_tokens.Shown()}, which version 1 of the format does not know; known are {known}.");
}
