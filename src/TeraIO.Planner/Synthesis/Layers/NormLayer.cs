namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>Layer norm or RMS norm: keeps its input and one or two statistics per token.</summary>
internal sealed class NormLayer(IterationRecorder recorder, WeightTable weights, string name)
{
    private readonly Weight _weight = weights[$"{name}.weight"];
    private readonly Weight? _bias = weights.Find($"{name}.bias");

    public Output Forward(int input, long tokens)
    {
        bool isLayerNorm = _bias is not null;
        int output = recorder.Transient(recorder.BytesOf(input), 1, $"{name}.out");
        int statistics = recorder.Transient(tokens * (isLayerNorm ? 2 : 1), sizeof(float), $"{name}.statistics");
        recorder.Op(isLayerNorm ? "aten::native_layer_norm" : "aten::rms_norm").Reads(input, _weight.Use()).Creates(output, statistics);
        if (isLayerNorm) recorder.Reads(_bias!.Use());
        return new Output(output, gradient => RunBackward(gradient, input, statistics));
    }

    private int RunBackward(int gradient, int input, int statistics)
    {
        int inputGradient = recorder.Transient(recorder.BytesOf(input), 1, $"{name}.in.grad");
        int weightGradient = _weight.Contribution();
        int? biasGradient = _bias?.Contribution();
        recorder.Op(_bias is not null ? "aten::native_layer_norm_backward" : "aten::rms_norm_backward")
            .Reads(gradient, input, statistics, _weight.Parameter).Creates(inputGradient, weightGradient);
        if (biasGradient is { } created) recorder.Creates(created);
        _weight.Accumulate(weightGradient);
        if (biasGradient is { } accumulated) _bias!.Accumulate(accumulated);
        return inputGradient;
    }
}
