using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>Multi-head attention where a position sees itself and what came before.</summary>
internal sealed class CausalSelfAttention : nn.Module<Tensor, Tensor>
{
    private readonly Linear _queryKeyValue;
    private readonly Linear _projection;
    private readonly int _heads;
    private readonly double _dropout;

    public CausalSelfAttention(GptConfig config, Device? device)
        : base(nameof(CausalSelfAttention))
    {
        _heads = config.Heads;
        _dropout = config.Dropout;
        _queryKeyValue = Initialisation.Linear(config.Width, 3L * config.Width, Initialisation.StandardDeviation, device);
        _projection = Initialisation.Linear(config.Width, config.Width, Initialisation.ResidualStandardDeviation(config.Layers), device);
        register_module("qkv", _queryKeyValue);
        register_module("projection", _projection);
    }

    /// <summary>Shape [batch, sequence, width] in and out.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var (batch, sequence, width) = (input.shape[0], input.shape[1], input.shape[2]);
        var heads = _queryKeyValue.forward(input).view(batch, sequence, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
        var mixed = nn.functional.scaled_dot_product_attention(
            heads[0], heads[1], heads[2], attn_mask: null, p: training ? _dropout : 0, is_casual: true);
        var joined = mixed.transpose(1, 2).reshape(batch, sequence, width);
        return nn.functional.dropout(_projection.forward(joined), _dropout, training).MoveToOuterDisposeScope();
    }
}
