namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>A product with a weight matrix, and a bias where the model has one: 2 x tokens x weights FLOP forward, twice that backward.</summary>
internal sealed class LinearLayer(IterationRecorder recorder, WeightTable weights, string name)
{
    private readonly Weight _weight = weights[$"{name}.weight"];
    private readonly Weight? _bias = weights.Find($"{name}.bias");

    /// <param name="input">Tokens x inputs.</param>
    /// <param name="tokens">Rows of the input.</param>
    /// <param name="outputs">Features of the output on this rank.</param>
    public Output Forward(int input, long tokens, long outputs)
    {
        int output = recorder.Transient(tokens * outputs, $"{name}.out");
        double flops = 2.0 * tokens * _weight.Elements;
        bool addsBias = _bias is not null && recorder.Options.IsEager;
        bool isFused = _bias is not null && !addsBias;
        recorder.Op(isFused ? "aten::addmm" : "aten::mm", flops).Reads(input, _weight.Use()).Creates(output);
        if (isFused) recorder.Reads(_bias!.Use());
        if (addsBias) recorder.Op("aten::add_.Tensor").Updates(output).Reads(_bias!.Use());
        return new Output(output, gradient => RunBackward(gradient, input, flops));
    }

    private int RunBackward(int gradient, int input, double flops)
    {
        int biasGradient = -1;
        if (_bias is not null)
        {
            biasGradient = _bias.Contribution();
            recorder.Op("aten::sum.dim_IntList").Reads(gradient).Creates(biasGradient);
        }

        int weightGradient = _weight.Contribution();
        recorder.Op("aten::mm", flops).Reads(gradient, input).Creates(weightGradient);
        int inputGradient = recorder.Transient(recorder.BytesOf(input), 1, $"{name}.in.grad");
        recorder.Op("aten::mm", flops).Reads(gradient, _weight.Parameter).Creates(inputGradient);
        _weight.Accumulate(weightGradient);
        if (_bias is not null) _bias.Accumulate(biasGradient);
        return inputGradient;
    }
}
