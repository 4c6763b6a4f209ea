using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>A decoder-only GPT with GPT-2's layout and initialisation. Not thread-safe.</summary>
internal sealed class GptModel : nn.Module
{
    private readonly VocabularyMatrix _tokenEmbedding;
    private readonly Parameter _positionEmbedding;
    private readonly List<TransformerBlock> _blocks = [];
    private readonly LayerNorm _finalNorm;
    private readonly VocabularyMatrix _head;

    /// <summary>Draws the initial weights from TorchSharp's default generator of the CPU.</summary>
    /// <param name="config">Shape.</param>
    /// <param name="device">Where the parameters go, and the inputs are expected; null: the CPU.</param>
    public GptModel(GptConfig config, Device? device = null)
        : base(nameof(GptModel))
    {
        Config = config.Validated();
        _tokenEmbedding = new VocabularyMatrix("tokens", config.Vocabulary, config.Width, Initialisation.StandardDeviation, device: device);
        register_module("tokens", _tokenEmbedding);
        _positionEmbedding = new Parameter(empty(config.Sequence, config.Width));
        Initialisation.Normal(_positionEmbedding, Initialisation.StandardDeviation);
        if (device is not null)
        {
            using var drawn = _positionEmbedding;
            using var detached = drawn.detach();
            _positionEmbedding = new Parameter(detached.to(device));
        }
        register_parameter("positions", _positionEmbedding);
        for (var i = 0; i < config.Layers; i++)
        {
            _blocks.Add(new TransformerBlock(config, device));
            register_module($"block{i}", _blocks[i]);
        }
        _finalNorm = nn.LayerNorm(config.Width, device: device);
        register_module("final_norm", _finalNorm);
        _head = _tokenEmbedding;
        if (!config.Tied)
        {
            _head = new VocabularyMatrix("head", config.Vocabulary, config.Width, Initialisation.StandardDeviation, device: device);
            register_module("head", _head);
        }
    }

    /// <summary>The model's shape.</summary>
    public GptConfig Config { get; }

    /// <summary>Hidden states after the last layer norm for tokens of shape [batch, sequence].</summary>
    public Tensor Hidden(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var sequence = tokens.shape[1];
        if (sequence > Config.Sequence)
            throw new ArgumentException($"The sequence has {sequence} tokens, the model's longest is {Config.Sequence}.", nameof(tokens));
        var positions = _positionEmbedding.narrow(0, 0, sequence);
        var hidden = nn.functional.dropout(_tokenEmbedding.Lookup(tokens) + positions, Config.Dropout, training);
        foreach (var block in _blocks)
            hidden = block.forward(hidden);
        return _finalNorm.forward(hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Mean cross entropy (nats per token) of predicting <paramref name="targets"/> from <paramref name="tokens"/>.</summary>
    /// <param name="tokens">Shape [batch, sequence].</param>
    /// <param name="targets">The same shape: the next token of each.</param>
    /// <param name="chunk">
    /// Tokens whose scores over the vocabulary are computed at once. Scores are the largest tensors of a model with a
    /// large vocabulary; in chunks no single op needs much memory.
    /// </param>
    public Tensor Loss(Tensor tokens, Tensor targets, int chunk)
    {
        using var scope = NewDisposeScope();
        var hidden = Hidden(tokens).view(-1, Config.Width);
        var flatTargets = targets.view(-1);
        var count = flatTargets.shape[0];
        Tensor? total = null;
        for (long first = 0; first < count; first += chunk)
        {
            using var chunkScope = NewDisposeScope();
            var length = Math.Min(chunk, count - first);
            var scores = _head.Scores(hidden.narrow(0, first, length));
            var loss = nn.functional.cross_entropy(scores, flatTargets.narrow(0, first, length), reduction: nn.Reduction.Sum);
            total = (total is null ? loss : total + loss).MoveToOuterDisposeScope();
        }
        return (total! / count).MoveToOuterDisposeScope();
    }
}
