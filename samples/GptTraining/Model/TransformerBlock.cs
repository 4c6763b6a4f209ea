using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>Attention and feed-forward, each behind a layer norm and beside the residual stream (pre-norm).</summary>
internal sealed class TransformerBlock : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm _attentionNorm;
    private readonly CausalSelfAttention _attention;
    private readonly LayerNorm _feedForwardNorm;
    private readonly FeedForward _feedForward;

    public TransformerBlock(GptConfig config, Device? device)
        : base(nameof(TransformerBlock))
    {
        _attentionNorm = nn.LayerNorm(config.Width, device: device);
        _attention = new CausalSelfAttention(config, device);
        _feedForwardNorm = nn.LayerNorm(config.Width, device: device);
        _feedForward = new FeedForward(config, device);
        register_module("attention_norm", _attentionNorm);
        register_module("attention", _attention);
        register_module("feed_forward_norm", _feedForwardNorm);
        register_module("feed_forward", _feedForward);
    }

    /// <summary>Shape [batch, sequence, width] in and out.</summary>
    public override Tensor forward(Tensor input)
    {
        // A scope per block, so that what autograd does not save is freed here and not at the end of the step.
        using var scope = NewDisposeScope();
        var attended = input + _attention.forward(_attentionNorm.forward(input));
        return (attended + _feedForward.forward(_feedForwardNorm.forward(attended))).MoveToOuterDisposeScope();
    }
}
