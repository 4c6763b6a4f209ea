namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>One kernel each way: keeps query, key, value, the output and one number per query and head. Dropout is within it.</summary>
internal sealed class FlashKernel(IterationRecorder recorder, string name, bool isCausal, Weight? positionBias) : ScoreKernel(recorder, name)
{
    /// <summary>Backward's FLOP over forward's: five products instead of two.</summary>
    private const double BackwardFactor = 2.5;

    public override ScoreOutput Forward(int query, int key, int value, long queryTokens, long keyTokens)
    {
        double flops = Flops(queryTokens, keyTokens) * (isCausal ? 0.5 : 1);
        int output = Recorder.Transient(Recorder.BytesOf(query), 1, $"{Name}.mixed");
        int sums = Recorder.Transient(queryTokens * Heads, sizeof(float), $"{Name}.logsumexp");
        Recorder.Op("aten::_flash_attention_forward", flops).Reads(query, key, value).Creates(output, sums);
        if (positionBias is not null) Recorder.Reads(positionBias.Use());
        return new ScoreOutput(output, gradient =>
        {
            int queryGradient = Recorder.Transient(Recorder.BytesOf(query), 1, $"{Name}.query.grad");
            int keyGradient = Recorder.Transient(Recorder.BytesOf(key), 1, $"{Name}.key.grad");
            int valueGradient = Recorder.Transient(Recorder.BytesOf(value), 1, $"{Name}.value.grad");
            Recorder.Op("aten::_flash_attention_backward", BackwardFactor * flops)
                .Reads(gradient, query, key, value, output, sums).Creates(queryGradient, keyGradient, valueGradient);
            BiasBackward();
            return (queryGradient, keyGradient, valueGradient);
        });
    }

    public override ScoreOutput ForwardFused(int queryKeyValue, long tokens, long width)
    {
        double flops = Flops(tokens, tokens) * (isCausal ? 0.5 : 1);
        int output = Recorder.Transient(tokens * width, $"{Name}.mixed");
        int sums = Recorder.Transient(tokens * Heads, sizeof(float), $"{Name}.logsumexp");
        Recorder.Op("aten::_flash_attention_forward", flops).Reads(queryKeyValue).Creates(output, sums);
        return new ScoreOutput(output, null!)
        {
            BackwardFused = gradient =>
            {
                int joint = Recorder.Transient(Recorder.BytesOf(queryKeyValue), 1, $"{Name}.qkv.grad");
                Recorder.Op("aten::_flash_attention_backward", BackwardFactor * flops).Reads(gradient, queryKeyValue, output, sums).Creates(joint);
                return joint;
            },
        };
    }

    private void BiasBackward()
    {
        if (positionBias is null) return;
        int biasGradient = positionBias.Contribution();
        Recorder.Creates(biasGradient);
        positionBias.Accumulate(biasGradient);
    }
}
