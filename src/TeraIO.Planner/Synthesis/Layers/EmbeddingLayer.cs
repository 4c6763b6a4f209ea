namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>
/// Token embedding, learned positions where the model has them, and dropout. A vocabulary in several shards is looked up in each of them and the right
/// row selected, as the sample does it.
/// </summary>
internal sealed class EmbeddingLayer(IterationRecorder recorder, WeightTable weights)
{
    private readonly IReadOnlyList<Weight> _shards = Vocabulary.Shards(weights, "tokens");
    private readonly Weight? _positions = weights.Find("positions");

    /// <param name="tokenIds">Token numbers.</param>
    /// <param name="tokens">How many.</param>
    /// <param name="takes">Told the gradient of the output; nothing further comes back.</param>
    public int Forward(int tokenIds, long tokens, out Action<int> takes)
    {
        long width = recorder.Options.Model.Width;
        int found = _shards.Count == 1 ? LookUp(_shards[0], tokenIds, tokens) : LookUpInShards(tokenIds, tokens);
        // Each rank has some rows of the vocabulary and zeros for the others.
        Communication.AllReduce(recorder, found);
        int hidden = found;
        if (_positions is not null)
        {
            hidden = recorder.Transient(tokens * width, "embedded");
            recorder.Op("aten::add.Tensor").Reads(found).ReadsPart(_positions.Use(), SequenceBytes(width)).Creates(hidden);
        }

        Output dropped = DropoutLayer.Forward(recorder, hidden, "embedding");
        takes = gradient => RunBackward(dropped.Backward(gradient), tokenIds, tokens);
        return dropped.Tensor;
    }

    private long SequenceBytes(long width) => recorder.Options.Sequence * width * recorder.Options.ElementBytes;

    private int LookUp(Weight shard, int tokenIds, long tokens)
    {
        int found = recorder.Transient(tokens * recorder.Options.Model.Width, $"{shard.Spec.Name}.found");
        recorder.Op("aten::embedding").Reads(tokenIds).ReadsPart(shard.Use(), recorder.BytesOf(found)).Creates(found);
        return found;
    }

    private int LookUpInShards(int tokenIds, long tokens)
    {
        long elements = tokens * recorder.Options.Model.Width;
        int found = recorder.Transient(elements, "tokens.zeros");
        recorder.Op("aten::zeros").Creates(found);
        foreach (Weight shard in _shards)
        {
            int rows = LookUp(shard, tokenIds, tokens);
            int selected = recorder.Transient(elements, $"{shard.Spec.Name}.selected");
            recorder.Op("aten::where.self").Reads(rows, found).Creates(selected);
            found = selected;
        }

        return found;
    }

    private void RunBackward(int gradient, int tokenIds, long tokens)
    {
        long width = recorder.Options.Model.Width;
        int positions = -1;
        if (_positions is not null)
        {
            positions = recorder.Transient(recorder.Options.Sequence * width, "positions.sum");
            recorder.Op("aten::sum.dim_IntList").Reads(gradient).Creates(positions);
        }

        for (int i = _shards.Count - 1; i >= 0; i--)
        {
            int own = gradient;
            if (_shards.Count > 1)
            {
                int others = recorder.Transient(tokens * width, "tokens.others.grad");
                if (i > 0) recorder.Op("aten::where.ScalarSelf").Reads(gradient).Creates(others);
                own = recorder.Transient(tokens * width, $"{_shards[i].Spec.Name}.found.grad");
                recorder.Op("aten::where.ScalarOther").Reads(gradient).Creates(own);
                gradient = others;
            }

            int contribution = _shards[i].Contribution();
            recorder.Op("aten::embedding_backward").Reads(own, tokenIds).Creates(contribution);
            _shards[i].Accumulate(contribution);
        }

        if (_positions is null) return;
        int positionsGradient = _positions.Contribution();
        recorder.Op("aten::slice_backward").Reads(positions).Creates(positionsGradient);
        _positions.Accumulate(positionsGradient);
    }
}
