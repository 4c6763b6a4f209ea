using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>Consecutive training batches of a text, and a fixed held-out part of it. Not thread-safe.</summary>
internal sealed class TextBatches : IDisposable
{
    /// <summary>Batches at the start of the text that training never sees.</summary>
    public const int HeldOutBatches = 4;

    private readonly ITextSource _text;
    private readonly ITextTokenizer _tokenizer;
    private readonly GptConfig _config;
    private readonly TokenStream _training;
    private readonly Device? _device;

    /// <param name="text">Where the tokens come from.</param>
    /// <param name="tokenizer">Makes them.</param>
    /// <param name="config">Default batch and sequence; together they say how much is held out.</param>
    /// <param name="position">Tokens to skip: the <see cref="Position"/> of a training that goes on.</param>
    /// <param name="device">Where the batches go; null: the CPU.</param>
    public TextBatches(ITextSource text, ITextTokenizer tokenizer, GptConfig config, long position = 0, Device? device = null)
    {
        _device = device;
        _text = text;
        _tokenizer = tokenizer;
        _config = config;
        _training = new TokenStream(text, tokenizer, HeldOutBatches * (long)config.Batch * (config.Sequence + 1));
        _training.Skip(position);
    }

    /// <summary>Training tokens consumed so far.</summary>
    public long Position => _training.Position;

    /// <summary>
    /// One of <paramref name="parts"/> equal parts of the next batch: tokens and their successors, each [batch / parts, sequence], in the caller's dispose scope. The text goes
    /// on behind the whole batch.
    /// </summary>
    public (Tensor Tokens, Tensor Targets) Next(int batch, int sequence, int part = 0, int parts = 1) =>
        Read(_training, sequence, batch, part * (batch / parts), batch / parts);

    /// <summary>The held-out batches; each is the caller's to dispose.</summary>
    public IEnumerable<(Tensor Tokens, Tensor Targets)> HeldOut()
    {
        using var stream = new TokenStream(_text, _tokenizer, heldOut: 0);
        for (var i = 0; i < HeldOutBatches; i++)
            yield return Read(stream, _config.Sequence, _config.Batch, 0, _config.Batch);
    }

    public void Dispose() => _training.Dispose();

    /// <summary>Reads a batch and gives <paramref name="count"/> of its rows.</summary>
    private (Tensor Tokens, Tensor Targets) Read(TokenStream stream, int sequence, int batch, int first, int count)
    {
        var tokens = new long[count * sequence];
        var targets = new long[count * sequence];
        var row = new long[sequence + 1];
        for (var b = 0; b < batch; b++)
        {
            stream.Read(row);
            if (b < first || b >= first + count)
                continue;
            row.AsSpan(0, sequence).CopyTo(tokens.AsSpan((b - first) * sequence));
            row.AsSpan(1).CopyTo(targets.AsSpan((b - first) * sequence));
        }
        return (tensor(tokens, [count, sequence], device: _device), tensor(targets, [count, sequence], device: _device));
    }
}
