using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>Two linear layers around a GELU, four times as wide inside.</summary>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Linear _expand;
    private readonly Linear _contract;
    private readonly double _dropout;

    public FeedForward(GptConfig config, Device? device)
        : base(nameof(FeedForward))
    {
        _dropout = config.Dropout;
        _expand = Initialisation.Linear(config.Width, 4L * config.Width, Initialisation.StandardDeviation, device);
        _contract = Initialisation.Linear(4L * config.Width, config.Width, Initialisation.ResidualStandardDeviation(config.Layers), device);
        register_module("expand", _expand);
        register_module("contract", _contract);
    }

    /// <summary>Shape [batch, sequence, width] in and out.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var inner = nn.functional.gelu(_expand.forward(input));
        return nn.functional.dropout(_contract.forward(inner), _dropout, training).MoveToOuterDisposeScope();
    }
}
