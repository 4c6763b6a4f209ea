namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>
/// Scores over the vocabulary and cross entropy, for all tokens at once or chunk by chunk. Keeps the log-probabilities in FP32; backward makes two more
/// tensors of their size per chunk.
/// </summary>
internal sealed class LossLayer(IterationRecorder recorder, WeightTable weights)
{
    private readonly IReadOnlyList<Weight> _shards = Vocabulary.Shards(weights, recorder.Options.Model.IsTied ? "tokens" : "head");

    private readonly record struct Chunk(long Tokens, int LogProbabilities);

    /// <param name="hidden">Tokens x width, after the last norm.</param>
    /// <param name="targets">The token that follows each.</param>
    /// <param name="tokens">How many.</param>
    /// <returns>The loss layer's backward, which makes the first gradient: that of <paramref name="hidden"/>.</returns>
    public Func<int> Forward(int hidden, int targets, long tokens)
    {
        long chunkTokens = recorder.Options.LossChunkTokens == 0 ? tokens : Math.Min(tokens, recorder.Options.LossChunkTokens);
        var chunks = new List<Chunk>();
        for (long first = 0; first < tokens; first += chunkTokens) chunks.Add(ForwardChunk(hidden, targets, Math.Min(chunkTokens, tokens - first)));
        return () => RunBackward(hidden, targets, tokens, chunks);
    }

    private long HiddenBytes(long tokens) => tokens * recorder.Options.Model.Width * recorder.Options.ElementBytes;

    private static double Flops(long tokens, Weight shard) => 2.0 * tokens * shard.Elements;

    private long RowsOf(Weight shard) => shard.Elements / recorder.Options.Model.Width;

    private long ScoreElements(long tokens) => tokens * _shards.Sum(RowsOf);

    private Chunk ForwardChunk(int hidden, int targets, long tokens)
    {
        var parts = new int[_shards.Count];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = recorder.Transient(tokens * RowsOf(_shards[i]), "scores.part");
            recorder.Op("aten::mm", Flops(tokens, _shards[i])).ReadsPart(hidden, HiddenBytes(tokens)).Reads(_shards[i].Use()).Creates(parts[i]);
        }

        int scores = parts[0];
        if (parts.Length > 1)
        {
            scores = recorder.Transient(ScoreElements(tokens), "scores");
            recorder.Op("aten::cat").Reads(parts).Creates(scores);
        }

        scores = Converted(scores, tokens, sizeof(float), "scores.fp32");
        int logProbabilities = recorder.Transient(ScoreElements(tokens), sizeof(float), "log_probabilities");
        recorder.Op("aten::_log_softmax").Reads(scores).Creates(logProbabilities);
        recorder.Op("aten::nll_loss_forward").ReadsPart(logProbabilities, tokens * sizeof(float)).Reads(targets);
        return new Chunk(tokens, logProbabilities);
    }

    /// <summary>The loss is computed in FP32 whatever the scores are in.</summary>
    private int Converted(int tensor, long tokens, int elementBytes, string name)
    {
        if (recorder.Options.ElementBytes == sizeof(float)) return tensor;
        int converted = recorder.Transient(ScoreElements(tokens), elementBytes, name);
        recorder.Op("aten::_to_copy").Reads(tensor).Creates(converted);
        return converted;
    }

    private int RunBackward(int hidden, int targets, long tokens, List<Chunk> chunks)
    {
        int whole = -1;
        for (int i = chunks.Count - 1; i >= 0; i--)
        {
            int part = BackwardChunk(hidden, targets, chunks[i]);
            if (chunks.Count == 1) return part;
            int widened = recorder.Transient(HiddenBytes(tokens), 1, "hidden.grad");
            recorder.Op("aten::slice_backward").Reads(part).Creates(widened);
            if (whole < 0) whole = widened;
            else recorder.Op("aten::add_.Tensor").Updates(whole).Reads(widened);
        }

        return whole;
    }

    private int BackwardChunk(int hidden, int targets, Chunk chunk)
    {
        int logGradient = recorder.Transient(ScoreElements(chunk.Tokens), sizeof(float), "log_probabilities.grad");
        recorder.Op("aten::nll_loss_backward").ReadsPart(chunk.LogProbabilities, 0).Reads(targets).Creates(logGradient);
        int scoresGradient = recorder.Transient(ScoreElements(chunk.Tokens), sizeof(float), "scores.grad");
        recorder.Op("aten::_log_softmax_backward_data").Reads(logGradient, chunk.LogProbabilities).Creates(scoresGradient);
        scoresGradient = Converted(scoresGradient, chunk.Tokens, recorder.Options.ElementBytes, "scores.bf16.grad");
        int sum = -1;
        for (int i = _shards.Count - 1; i >= 0; i--)
        {
            double flops = Flops(chunk.Tokens, _shards[i]);
            int weightGradient = _shards[i].Contribution();
            recorder.Op("aten::mm", flops).ReadsPart(scoresGradient, ScoreBytes(chunk, _shards[i])).ReadsPart(hidden, HiddenBytes(chunk.Tokens)).Creates(weightGradient);
            int part = recorder.Transient(HiddenBytes(chunk.Tokens), 1, "hidden.part.grad");
            recorder.Op("aten::mm", flops).ReadsPart(scoresGradient, ScoreBytes(chunk, _shards[i])).Reads(_shards[i].Parameter).Creates(part);
            if (sum < 0) sum = part;
            else recorder.Op("aten::add_.Tensor").Updates(sum).Reads(part);
            _shards[i].Accumulate(weightGradient);
        }

        return sum;
    }

    private long ScoreBytes(Chunk chunk, Weight shard) => chunk.Tokens * RowsOf(shard) * recorder.Options.ElementBytes;
}
