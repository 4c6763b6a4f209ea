namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>What the mixing of values by scores leaves.</summary>
/// <param name="Tensor">Mixed values, tokens x query width.</param>
/// <param name="Backward">From its gradient to those of query, key and value.</param>
internal readonly record struct ScoreOutput(int Tensor, Func<int, (int Query, int Key, int Value)> Backward)
{
    /// <summary>From its gradient to that of the one tensor that holds query, key and value; null when they are three.</summary>
    public Backward BackwardFused { get; init; } = null!;
}

/// <summary>softmax(query key^T) value, for all heads of this rank.</summary>
internal abstract class ScoreKernel(IterationRecorder recorder, string name)
{
    protected IterationRecorder Recorder { get; } = recorder;

    protected string Name { get; } = name;

    protected long Heads => Recorder.Options.Model.Heads / Recorder.Options.TensorParallel;

    /// <summary>FLOP of both products, nothing masked.</summary>
    protected double Flops(long queryTokens, long keyTokens) =>
        4.0 * queryTokens * (keyTokens / (double)Recorder.Options.Batch) * Heads * Recorder.Options.Model.WidthOfHead;

    /// <summary>Of three tensors.</summary>
    public abstract ScoreOutput Forward(int query, int key, int value, long queryTokens, long keyTokens);

    /// <summary>Of one tensor of tokens x 3 x <paramref name="width"/>.</summary>
    public abstract ScoreOutput ForwardFused(int queryKeyValue, long tokens, long width);
}
