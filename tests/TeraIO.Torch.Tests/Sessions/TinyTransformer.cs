using static TorchSharp.torch;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>
/// A training program that knows nothing of offloading: a small transformer with everything a real one has - attention, dropout, views, a head that may
/// share the embedding's weight - and the loop around it.
/// </summary>
internal sealed class TinyTransformer : nn.Module<Tensor, Tensor>
{
    public const int Vocabulary = 512;
    private const int Width = 128;
    private const int Heads = 4;
    private readonly nn.Module<Tensor, Tensor> _embedding = nn.Embedding(Vocabulary, Width);
    private readonly List<(nn.Module<Tensor, Tensor> Norm1, nn.Module<Tensor, Tensor> Qkv, nn.Module<Tensor, Tensor> Out, nn.Module<Tensor, Tensor> Norm2, nn.Module<Tensor, Tensor> Up, nn.Module<Tensor, Tensor> Down)> _blocks = [];
    private readonly nn.Module<Tensor, Tensor>? _head;
    private readonly double _dropout;
    private readonly bool _tied;

    public TinyTransformer(TrainingScript script)
        : base(nameof(TinyTransformer))
    {
        _dropout = script.Dropout;
        _tied = script.Tied;
        register_module("embedding", _embedding);
        for (int i = 0; i < 2; i++)
        {
            var block = (nn.LayerNorm(Width), nn.Linear(Width, 3 * Width), nn.Linear(Width, Width), nn.LayerNorm(Width), nn.Linear(Width, 4 * Width), nn.Linear(4 * Width, Width));
            register_module($"norm1_{i}", block.Item1);
            register_module($"qkv_{i}", block.Item2);
            register_module($"out_{i}", block.Item3);
            register_module($"norm2_{i}", block.Item4);
            register_module($"up_{i}", block.Item5);
            register_module($"down_{i}", block.Item6);
            _blocks.Add(block);
        }

        if (_tied) return;
        _head = nn.Linear(Width, Vocabulary, hasBias: false);
        register_module("head", _head);
    }

    /// <summary>The last block is left out.</summary>
    public bool SkipsLastBlock { get; set; }

    public override Tensor forward(Tensor tokens)
    {
        long batch = tokens.shape[0];
        long length = tokens.shape[1];
        Tensor h = _embedding.forward(tokens);
        foreach (var block in SkipsLastBlock ? _blocks.SkipLast(1) : _blocks)
        {
            Tensor qkv = block.Qkv.forward(block.Norm1.forward(h)).view(batch, length, 3, Heads, Width / Heads).permute(2, 0, 3, 1, 4);
            Tensor attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: true).transpose(1, 2).reshape(batch, length, Width);
            h = h + nn.functional.dropout(block.Out.forward(attended), _dropout, training);
            h = h + nn.functional.dropout(block.Down.forward(nn.functional.gelu(block.Up.forward(block.Norm2.forward(h)))), _dropout, training);
        }

        return _head is null ? nn.functional.linear(h, _embedding.get_parameter("weight")!) : _head.forward(h);
    }
}
