namespace TeraIO.Planner.Synthesis;

/// <summary>One parameter of the whole model.</summary>
/// <param name="Module">The layer it belongs to: <c>tokens</c>, <c>block3.attention</c>.</param>
/// <param name="Name">Its full name: <c>block3.attention.q.weight</c>.</param>
/// <param name="Elements">Numbers in it.</param>
/// <param name="Rows">Output features of a matrix; 1 for vectors.</param>
/// <param name="IsSplit">Tensor parallelism gives each rank an equal part; else every rank has all of it.</param>
/// <param name="Layer">Block it belongs to; -1 before the first, the number of blocks after the last.</param>
internal readonly record struct ParameterSpec(string Module, string Name, long Elements, long Rows, bool IsSplit, int Layer);

/// <summary>The parameters that a shape has, in the order in which modules register them.</summary>
internal sealed class ParameterList
{
    private readonly ModelShape _shape;
    private readonly List<ParameterSpec> _parameters = [];

    private ParameterList(ModelShape shape) => _shape = shape;

    public static List<ParameterSpec> Of(ModelShape shape)
    {
        var list = new ParameterList(shape);
        if (shape.LearnedPositions > 0) list.Table("positions", "positions", shape.LearnedPositions, shape.Width, -1);
        list.Vocabulary("tokens", -1);
        for (int i = 0; i < shape.EncoderLayers; i++) list.Block($"encoder{i}", i, crossAttention: false, isFirst: i == 0);
        if (shape.EncoderLayers > 0) list.Norm("encoder_norm", shape.EncoderLayers);
        int offset = shape.EncoderLayers;
        for (int i = 0; i < shape.Layers; i++) list.Block($"block{i}", offset + i, shape.EncoderLayers > 0, isFirst: i == 0);
        int end = offset + shape.Layers;
        list.Norm("final_norm", end);
        if (!shape.IsTied) list.Vocabulary("head", end);
        return list._parameters;
    }

    /// <summary>Rows of each parameter of the token embedding.</summary>
    public static List<long> VocabularyShards(ModelShape shape)
    {
        long bytes = (long)shape.Vocabulary * shape.Width * sizeof(float);
        long shards = shape.VocabularyShardBytes == 0 ? 1 : Math.Max(1, (bytes + shape.VocabularyShardBytes - 1) / shape.VocabularyShardBytes);
        long rowsPerShard = (shape.Vocabulary + shards - 1) / shards;
        var rows = new List<long>();
        for (long first = 0; first < shape.Vocabulary; first += rowsPerShard) rows.Add(Math.Min(rowsPerShard, shape.Vocabulary - first));
        return rows;
    }

    private void Block(string block, int layer, bool crossAttention, bool isFirst)
    {
        Norm($"{block}.attention_norm", layer);
        Attention($"{block}.attention", layer, isFirst);
        if (crossAttention)
        {
            Norm($"{block}.cross_norm", layer);
            Attention($"{block}.cross", layer, hasPositionBias: false);
        }

        Norm($"{block}.feed_forward_norm", layer);
        if (_shape.Experts == 0)
        {
            FeedForward($"{block}.feed_forward", layer);
            return;
        }

        Linear($"{block}.feed_forward", "router", _shape.Width, _shape.Experts, layer, isSplit: false, hasBias: false);
        for (int i = 0; i < _shape.Experts; i++) FeedForward($"{block}.feed_forward.expert{i}", layer);
    }

    private void Attention(string module, int layer, bool hasPositionBias)
    {
        long inner = (long)_shape.Heads * _shape.WidthOfHead;
        long keys = (long)_shape.KeyValueHeadCount * _shape.WidthOfHead;
        if (_shape.HasFusedQueryKeyValue)
        {
            Linear(module, "qkv", _shape.Width, 3 * inner, layer);
        }
        else
        {
            Linear(module, "q", _shape.Width, inner, layer);
            Linear(module, "k", _shape.Width, keys, layer);
            Linear(module, "v", _shape.Width, keys, layer);
        }

        Linear(module, "projection", inner, _shape.Width, layer);
        if (hasPositionBias && _shape.RelativePositionBuckets > 0)
            Table(module, $"{module}.position_bias", _shape.RelativePositionBuckets, _shape.Heads, layer);
    }

    private void FeedForward(string module, int layer)
    {
        if (_shape.FeedForward == FeedForwardKind.SwiGlu) Linear(module, "gate", _shape.Width, _shape.FeedForwardWidth, layer);
        Linear(module, "expand", _shape.Width, _shape.FeedForwardWidth, layer);
        Linear(module, "contract", _shape.FeedForwardWidth, _shape.Width, layer);
    }

    private void Vocabulary(string module, int layer)
    {
        List<long> shards = VocabularyShards(_shape);
        for (int i = 0; i < shards.Count; i++)
        {
            string name = shards.Count == 1 ? $"{module}.weight" : $"{module}.rows{i}.weight";
            _parameters.Add(new ParameterSpec(module, name, shards[i] * _shape.Width, shards[i], IsSplit: true, layer));
        }
    }

    private void Norm(string module, int layer)
    {
        Vector(module, $"{module}.weight", _shape.Width, layer);
        if (_shape.Normalisation == NormalisationKind.LayerNorm) Vector(module, $"{module}.bias", _shape.Width, layer);
    }

    private void Linear(string module, string name, long inputs, long outputs, int layer, bool isSplit = true, bool? hasBias = null)
    {
        _parameters.Add(new ParameterSpec(module, $"{module}.{name}.weight", inputs * outputs, outputs, isSplit, layer));
        // A bias is small; whether tensor parallelism splits it does not matter.
        if (hasBias ?? _shape.HasBiases) _parameters.Add(new ParameterSpec(module, $"{module}.{name}.bias", outputs, 1, IsSplit: false, layer));
    }

    private void Table(string module, string name, long rows, long columns, int layer) =>
        _parameters.Add(new ParameterSpec(module, name, rows * columns, rows, IsSplit: false, layer));

    private void Vector(string module, string name, long elements, int layer) =>
        _parameters.Add(new ParameterSpec(module, name, elements, 1, IsSplit: false, layer));
}
