using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// The tokens of a text in order, over and over. Only a piece of the text is in memory at a time. The first
/// <c>heldOut</c> tokens of each pass are left to evaluation. Not thread-safe.
/// </summary>
internal sealed class TokenStream : IDisposable
{
    private readonly ITextSource _text;
    private readonly ITextTokenizer _tokenizer;
    private readonly long _heldOut;
    private readonly List<int> _pending = [];
    private IEnumerator<string>? _pieces;
    private int _next;

    public TokenStream(ITextSource text, ITextTokenizer tokenizer, long heldOut)
    {
        _text = text;
        _tokenizer = tokenizer;
        _heldOut = heldOut;
    }

    /// <summary>Tokens delivered or skipped since the beginning, over all passes.</summary>
    public long Position { get; private set; }

    /// <summary>Fills <paramref name="tokens"/>.</summary>
    /// <exception cref="ConfigurationException">The text has no token besides those held out.</exception>
    public void Read(Span<long> tokens)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            Refill();
            tokens[i] = _pending[_next++];
        }
        Position += tokens.Length;
    }

    /// <summary>Goes on as if <paramref name="count"/> more tokens had been read.</summary>
    public void Skip(long count)
    {
        for (var left = count; left > 0;)
        {
            Refill();
            var taken = (int)Math.Min(left, _pending.Count - _next);
            _next += taken;
            left -= taken;
        }
        Position += count;
    }

    public void Dispose() => _pieces?.Dispose();

    private void Refill()
    {
        while (_next == _pending.Count)
        {
            _pending.Clear();
            _next = 0;
            if (_pieces is null)
                BeginPass();
            else if (_pieces.MoveNext())
                _tokenizer.Encode(_pieces.Current, _pending);
            else
                EndPass();
        }
    }

    private void BeginPass()
    {
        _pieces = _text.Pieces().GetEnumerator();
        long seen = 0;
        while (seen <= _heldOut && _pieces.MoveNext())
        {
            _pending.Clear();
            _tokenizer.Encode(_pieces.Current, _pending);
            seen += _pending.Count;
        }
        if (seen <= _heldOut)
        {
            throw new ConfigurationException(
                $"The training text, {_text.Description}, has {seen} tokens, but the first {_heldOut} are held out for evaluation. "
                + "Use a longer text (--data FILE) or smaller --seq and --batch.");
        }
        _next = _pending.Count - (int)(seen - _heldOut);
    }

    private void EndPass()
    {
        _pieces!.Dispose();
        _pieces = null;
    }
}
