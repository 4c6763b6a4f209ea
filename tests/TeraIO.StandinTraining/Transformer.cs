using static TorchSharp.torch;

namespace TeraIO.StandinTraining;

/// <summary>A small transformer with what a real one has: attention, dropout, views, layer norms, an embedding.</summary>
internal sealed class Transformer : nn.Module<Tensor, Tensor>
{
    public const int Vocabulary = 64;
    private const int Width = 32;
    private const int Heads = 4;
    private readonly nn.Module<Tensor, Tensor> _embedding = nn.Embedding(Vocabulary, Width);
    private readonly nn.Module<Tensor, Tensor> _norm = nn.LayerNorm(Width);
    private readonly nn.Module<Tensor, Tensor> _qkv = nn.Linear(Width, 3 * Width);
    private readonly nn.Module<Tensor, Tensor> _out = nn.Linear(Width, Width);
    private readonly nn.Module<Tensor, Tensor> _up = nn.Linear(Width, 4 * Width);
    private readonly nn.Module<Tensor, Tensor> _down = nn.Linear(4 * Width, Width);
    private readonly nn.Module<Tensor, Tensor> _head = nn.Linear(Width, Vocabulary, hasBias: false);
    private readonly double _dropout;

    public Transformer(double dropout)
        : base(nameof(Transformer))
    {
        _dropout = dropout;
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        (long batch, long length) = (tokens.shape[0], tokens.shape[1]);
        Tensor positions = arange(length, dtype: ScalarType.Float32, device: tokens.device).unsqueeze(1) / length;
        Tensor h = _embedding.forward(tokens) + positions;
        Tensor qkv = _qkv.forward(_norm.forward(h)).view(batch, length, 3, Heads, Width / Heads).permute(2, 0, 3, 1, 4);
        Tensor attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], p: training ? _dropout : 0, is_casual: true);
        h += nn.functional.dropout(_out.forward(attended.transpose(1, 2).reshape(batch, length, Width)), _dropout, training);
        h += nn.functional.dropout(_down.forward(nn.functional.gelu(_up.forward(h))), _dropout, training);
        return _head.forward(h);
    }
}
