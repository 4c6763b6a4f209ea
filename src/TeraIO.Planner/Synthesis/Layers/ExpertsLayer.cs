namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>
/// A router and several feed-forward layers, of which each token uses a few (Mixtral). Routing is taken to be balanced: every expert gets
/// tokens x active / experts rows, rounded up.
/// </summary>
internal sealed class ExpertsLayer(IterationRecorder recorder, WeightTable weights, string name)
{
    private readonly LinearLayer _router = new(recorder, weights, $"{name}.router");

    private readonly List<FeedForwardLayer> _experts =
        [.. Enumerable.Range(0, recorder.Options.Model.Experts).Select(i => new FeedForwardLayer(recorder, weights, $"{name}.expert{i}"))];

    public Output Forward(int input, long tokens)
    {
        ModelShape model = recorder.Options.Model;
        long width = model.Width;
        long rows = ((tokens * model.ActiveExperts) + model.Experts - 1) / model.Experts;
        Output routed = _router.Forward(input, tokens, model.Experts);
        int probabilities = recorder.Transient(tokens * model.Experts, sizeof(float), $"{name}.probabilities");
        recorder.Op("aten::_softmax").Reads(routed.Tensor).Creates(probabilities);
        int chosen = recorder.Transient(tokens * model.ActiveExperts * 3, sizeof(float), $"{name}.chosen");
        recorder.Op("aten::topk").Reads(probabilities).Creates(chosen);
        int sum = recorder.Transient(tokens * width, $"{name}.sum");
        recorder.Op("aten::zeros").Creates(sum);
        var outputs = new List<Output>();
        for (int i = 0; i < _experts.Count; i++)
        {
            int own = recorder.Transient(rows * width, $"{name}.expert{i}.in");
            recorder.Op("aten::index_select").ReadsPart(input, recorder.BytesOf(own)).Reads(chosen).Creates(own);
            Output expert = _experts[i].Forward(own, rows);
            int scaled = recorder.Transient(rows * width, $"{name}.expert{i}.scaled");
            recorder.Op("aten::mul.Tensor").Reads(expert.Tensor, chosen).Creates(scaled);
            recorder.Op("aten::index_add_").Updates(sum).Reads(scaled);
            outputs.Add(expert);
        }

        return new Output(sum, gradient => RunBackward(gradient, tokens, rows, outputs, routed, probabilities, chosen));
    }

    private int RunBackward(int gradient, long tokens, long rows, List<Output> outputs, Output routed, int probabilities, int chosen)
    {
        ModelShape model = recorder.Options.Model;
        int inputGradient = recorder.Transient(tokens * model.Width, $"{name}.in.grad");
        recorder.Op("aten::zeros").Creates(inputGradient);
        int chosenGradient = recorder.Transient(tokens * model.ActiveExperts, sizeof(float), $"{name}.chosen.grad");
        recorder.Op("aten::zeros").Creates(chosenGradient);
        for (int i = outputs.Count - 1; i >= 0; i--)
        {
            int scaledGradient = recorder.Transient(rows * model.Width, $"{name}.expert{i}.scaled.grad");
            recorder.Op("aten::index_select").ReadsPart(gradient, recorder.BytesOf(scaledGradient)).Reads(chosen).Creates(scaledGradient);
            int outputGradient = recorder.Transient(rows * model.Width, $"{name}.expert{i}.out.grad");
            recorder.Op("aten::mul.Tensor").Reads(scaledGradient, chosen).Creates(outputGradient);
            recorder.Op("aten::sum.dim_IntList").Reads(scaledGradient, outputs[i].Tensor).Updates(chosenGradient);
            int ownGradient = outputs[i].Backward(outputGradient);
            recorder.Op("aten::index_add_").Updates(inputGradient).Reads(ownGradient);
        }

        int probabilitiesGradient = recorder.Transient(tokens * model.Experts, sizeof(float), $"{name}.probabilities.grad");
        recorder.Op("aten::_softmax_backward_data").Reads(chosenGradient, probabilities).Creates(probabilitiesGradient);
        int throughRouter = routed.Backward(probabilitiesGradient);
        recorder.Op("aten::add_.Tensor").Updates(inputGradient).Reads(throughRouter);
        return inputGradient;
    }
}
