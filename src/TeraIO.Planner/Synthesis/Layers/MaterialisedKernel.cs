namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>
/// Scores and probabilities as tensors, the way PyTorch's math kernel does it: keeps scaled query and key, value, probabilities and, with dropout,
/// its mask and the dropped probabilities.
/// </summary>
internal sealed class MaterialisedKernel(IterationRecorder recorder, string name, Weight? positionBias) : ScoreKernel(recorder, name)
{
    private bool Drops => Recorder.Options.Model.Dropout > 0;

    private bool IsEager => Recorder.Options.IsEager;

    public override ScoreOutput Forward(int query, int key, int value, long queryTokens, long keyTokens)
    {
        // Key and value heads are repeated for the queries that share them.
        long keyBytes = keyTokens * Recorder.BytesOf(query) / queryTokens;
        Kept kept = Compute([query, key, value], Recorder.BytesOf(query), keyBytes, queryTokens, keyTokens);
        return new ScoreOutput(kept.Output, gradient =>
        {
            (int queryGradient, int keyGradient, int valueGradient) = RunBackward(gradient, kept);
            return (queryGradient, Summed(keyGradient, Recorder.BytesOf(key), "key"), Summed(valueGradient, Recorder.BytesOf(value), "value"));
        });
    }

    public override ScoreOutput ForwardFused(int queryKeyValue, long tokens, long width)
    {
        long bytes = Recorder.BytesOf(queryKeyValue) / 3;
        Kept kept = Compute([queryKeyValue], bytes, bytes, tokens, tokens);
        return new ScoreOutput(kept.Output, null!)
        {
            BackwardFused = gradient =>
            {
                (int queryGradient, int keyGradient, int valueGradient) = RunBackward(gradient, kept);
                return Joined([valueGradient, queryGradient, keyGradient], Recorder.BytesOf(queryKeyValue));
            },
        };
    }

    private readonly record struct Kept(int Query, int Key, int Value, int Probabilities, int Mask, int Dropped, int Output, double Flops);

    private Kept Compute(ReadOnlySpan<int> inputs, long queryBytes, long keyBytes, long queryTokens, long keyTokens)
    {
        long scoreElements = queryTokens * (keyTokens / Recorder.Options.Batch) * Heads;
        double flops = Flops(queryTokens, keyTokens);
        int query = Recorder.Transient(queryBytes, 1, $"{Name}.query");
        int key = Recorder.Transient(keyBytes, 1, $"{Name}.key");
        int value = Recorder.Transient(keyBytes, 1, $"{Name}.value");
        int probabilities = Recorder.Transient(scoreElements, $"{Name}.probabilities");
        int mask = Drops ? Recorder.Transient(scoreElements, IsEager ? Recorder.Options.ElementBytes : 1, $"{Name}.mask") : -1;
        int dropped = Drops ? Recorder.Transient(scoreElements, $"{Name}.dropped") : probabilities;
        int mixed = Recorder.Transient(queryBytes, 1, $"{Name}.mixed");
        if (IsEager)
        {
            // One op whose parts are not dispatched one by one; scores and the causal mask are its workspace.
            Recorder.Op("aten::_scaled_dot_product_attention_math", flops).Reads(inputs).Creates(query, key, value, probabilities, mixed);
            if (Drops) Recorder.Creates(mask, dropped);
            long causalMask = queryTokens / Recorder.Options.Batch * (keyTokens / Recorder.Options.Batch) * sizeof(float);
            Recorder.UsesWorkspace((scoreElements * Recorder.Options.ElementBytes) + queryBytes + keyBytes + causalMask);
            AddBias();
        }
        else
        {
            Recorder.Op("aten::mul.Scalar").Reads(inputs).Creates(query, key, value);
            int scores = Recorder.Transient(scoreElements, $"{Name}.scores");
            Recorder.Op("aten::baddbmm", flops / 2).Reads(query, key).Creates(scores);
            AddBias();
            Recorder.Op("aten::_softmax").Reads(scores).Creates(probabilities);
            if (Drops) Recorder.Op("aten::native_dropout").Reads(probabilities).Creates(dropped, mask);
            Recorder.Op("aten::bmm", flops / 2).Reads(dropped, value).Creates(mixed);
        }

        // Heads side by side again.
        int output = Recorder.Transient(queryBytes, 1, $"{Name}.joined");
        Recorder.Op("aten::clone").Reads(mixed).Creates(output);
        return new Kept(query, key, value, probabilities, mask, dropped, output, flops);
    }

    private void AddBias()
    {
        if (positionBias is not null) Recorder.Reads(positionBias.Use());
    }

    private (int Query, int Key, int Value) RunBackward(int gradient, Kept kept)
    {
        long queryBytes = Recorder.BytesOf(kept.Query);
        long keyBytes = Recorder.BytesOf(kept.Key);
        long scoreBytes = Recorder.BytesOf(kept.Probabilities);
        int mixedGradient = Recorder.Transient(queryBytes, 1, $"{Name}.mixed.grad");
        Recorder.Op("aten::clone").Reads(gradient).Creates(mixedGradient);
        int valueGradient = Recorder.Transient(keyBytes, 1, $"{Name}.value.grad");
        Recorder.Op("aten::bmm", kept.Flops / 2).Reads(kept.Dropped, mixedGradient).Creates(valueGradient);
        int probabilitiesGradient = Recorder.Transient(scoreBytes, 1, $"{Name}.probabilities.grad");
        Recorder.Op("aten::bmm", kept.Flops / 2).Reads(mixedGradient, kept.Value).Creates(probabilitiesGradient);
        if (Drops)
        {
            int undropped = Recorder.Transient(scoreBytes, 1, $"{Name}.undropped.grad");
            Recorder.Op(IsEager ? "aten::mul.Tensor" : "aten::native_dropout_backward").Reads(probabilitiesGradient, kept.Mask).Creates(undropped);
            probabilitiesGradient = undropped;
        }

        int scoresGradient = Recorder.Transient(scoreBytes, 1, $"{Name}.scores.grad");
        Recorder.Op("aten::_softmax_backward_data").Reads(probabilitiesGradient, kept.Probabilities).Creates(scoresGradient);
        BiasBackward(scoresGradient);
        int keyGradient = Recorder.Transient(keyBytes, 1, $"{Name}.key.scaled.grad");
        Recorder.Op("aten::bmm", kept.Flops / 2).Reads(kept.Query, scoresGradient).Creates(keyGradient);
        int queryGradient = Recorder.Transient(queryBytes, 1, $"{Name}.query.scaled.grad");
        Recorder.Op("aten::bmm", kept.Flops / 2).Reads(scoresGradient, kept.Key).Creates(queryGradient);
        int scaledKey = Scaled(keyGradient, "key");
        return (Scaled(queryGradient, "query"), scaledKey, valueGradient);
    }

    private void BiasBackward(int scoresGradient)
    {
        if (positionBias is null) return;
        int biasGradient = positionBias.Contribution();
        Recorder.Op("aten::sum.dim_IntList").Reads(scoresGradient).Creates(biasGradient);
        positionBias.Accumulate(biasGradient);
    }

    private int Scaled(int gradient, string what)
    {
        int scaled = Recorder.Transient(Recorder.BytesOf(gradient), 1, $"{Name}.{what}.grad");
        Recorder.Op("aten::mul.Scalar").Reads(gradient).Creates(scaled);
        return scaled;
    }

    /// <summary>Adds up the gradients of repeated heads.</summary>
    private int Summed(int gradient, long bytes, string what)
    {
        if (Recorder.BytesOf(gradient) == bytes) return gradient;
        int sum = Recorder.Transient(bytes, 1, $"{Name}.{what}.heads.grad");
        Recorder.Op("aten::sum.dim_IntList").Reads(gradient).Creates(sum);
        return sum;
    }

    /// <summary>Puts three gradients into one tensor: autograd widens each with zeros and adds them up.</summary>
    private int Joined(ReadOnlySpan<int> parts, long bytes)
    {
        int joint = -1;
        foreach (int part in parts)
        {
            int widened = Recorder.Transient(bytes, 1, $"{Name}.widened.grad");
            Recorder.Op("aten::select_backward").Reads(part).Creates(widened);
            if (joint < 0) joint = widened;
            else Recorder.Op("aten::add_.Tensor").Updates(joint).Reads(widened);
        }

        int ordered = Recorder.Transient(bytes, 1, $"{Name}.qkv.grad");
        Recorder.Op("aten::clone").Reads(joint).Creates(ordered);
        return ordered;
    }
}
