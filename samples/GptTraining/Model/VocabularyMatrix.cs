using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// A vocabulary x width matrix, kept as several parameters of consecutive rows (as vocabulary-parallel training does
/// it across devices). In one piece GPT-2's would be 154 MB, and an optimizer op on it, which touches weight, moment
/// and denominator at once, would alone set the smallest budget that the model can be trained under.
/// </summary>
internal sealed class VocabularyMatrix : nn.Module
{
    private const long LargestShardBytes = 16L << 20;

    private readonly List<Embedding> _shards = [];
    private readonly List<Parameter> _rows = [];
    private readonly List<long> _firstRow = [];
    private readonly long _width;

    public VocabularyMatrix(string name, long rows, long width, double standardDeviation, long largestShardBytes = LargestShardBytes, Device? device = null)
        : base(name)
    {
        _width = width;
        var shards = Math.Max(1, (rows * width * sizeof(float) + largestShardBytes - 1) / largestShardBytes);
        var rowsPerShard = (rows + shards - 1) / shards;
        for (long first = 0; first < rows; first += rowsPerShard)
        {
            var shard = nn.Embedding(Math.Min(rowsPerShard, rows - first), width);
            Initialisation.Normal(shard.parameters().Single(), standardDeviation);
            shard = shard.On(device);
            // Not the weight property: it makes a new handle at every call.
            _rows.Add(shard.parameters().Single());
            register_module($"rows{_shards.Count}", shard);
            _shards.Add(shard);
            _firstRow.Add(first);
        }
    }

    /// <summary>The number of parameters that make up the matrix.</summary>
    public int Shards => _shards.Count;

    /// <summary>The rows of the given tokens: shape of <paramref name="tokens"/> plus the width.</summary>
    public Tensor Lookup(Tensor tokens)
    {
        if (_shards.Count == 1)
            return _shards[0].forward(tokens);
        using var scope = NewDisposeScope();
        // Every shard answers for every token and the right answer is selected: shapes never depend on the data.
        var found = zeros([.. tokens.shape, _width], device: tokens.device);
        for (var i = 0; i < _shards.Count; i++)
        {
            using var shardScope = NewDisposeScope();
            var local = tokens - _firstRow[i];
            var inside = local.ge(0).logical_and(local.lt(_rows[i].shape[0]));
            var rows = _shards[i].forward(local.clamp(0, _rows[i].shape[0] - 1));
            found = where(inside.unsqueeze(-1), rows, found).MoveToOuterDisposeScope();
        }
        return found.MoveToOuterDisposeScope();
    }

    /// <summary>Scores of every row for hidden states of shape [tokens, width]: shape [tokens, rows].</summary>
    public Tensor Scores(Tensor hidden)
    {
        if (_shards.Count == 1)
            return nn.functional.linear(hidden, _rows[0]);
        using var scope = NewDisposeScope();
        var parts = _rows.Select(rows => nn.functional.linear(hidden, rows)).ToList();
        return cat(parts, dim: 1).MoveToOuterDisposeScope();
    }
}
