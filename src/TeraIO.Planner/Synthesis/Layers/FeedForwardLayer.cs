namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>Two products around an activation, or SwiGLU's three. Its input's gradient still lacks the other ranks' parts.</summary>
internal sealed class FeedForwardLayer(IterationRecorder recorder, WeightTable weights, string name)
{
    private readonly LinearLayer _expand = new(recorder, weights, $"{name}.expand");
    private readonly LinearLayer _contract = new(recorder, weights, $"{name}.contract");
    private readonly LinearLayer? _gate = weights.Find($"{name}.gate.weight") is null ? null : new LinearLayer(recorder, weights, $"{name}.gate");

    public Output Forward(int input, long tokens)
    {
        ModelShape model = recorder.Options.Model;
        long inner = model.FeedForwardWidth / recorder.Options.TensorParallel;
        return _gate is null ? Plain(input, tokens, inner) : Gated(_gate, input, tokens, inner);
    }

    private Output Plain(int input, long tokens, long inner)
    {
        string function = recorder.Options.Model.FeedForward == FeedForwardKind.Gelu ? "aten::gelu" : "aten::relu";
        Output expanded = _expand.Forward(input, tokens, inner);
        int activated = recorder.Transient(tokens * inner, $"{name}.activated");
        recorder.Op(function).Reads(expanded.Tensor).Creates(activated);
        Output contracted = _contract.Forward(activated, tokens, recorder.Options.Model.Width);
        return new Output(contracted.Tensor, gradient =>
        {
            int activatedGradient = contracted.Backward(gradient);
            int expandedGradient = recorder.Transient(tokens * inner, $"{name}.expand.grad");
            // A ReLU's backward needs only its output, which the next product keeps anyway.
            int kept = function == "aten::gelu" ? expanded.Tensor : activated;
            recorder.Op($"{function}_backward").Reads(activatedGradient, kept).Creates(expandedGradient);
            return expanded.Backward(expandedGradient);
        });
    }

    private Output Gated(LinearLayer gateLayer, int input, long tokens, long inner)
    {
        Output gate = gateLayer.Forward(input, tokens, inner);
        int activated = recorder.Transient(tokens * inner, $"{name}.activated");
        recorder.Op("aten::silu").Reads(gate.Tensor).Creates(activated);
        Output expanded = _expand.Forward(input, tokens, inner);
        int product = recorder.Transient(tokens * inner, $"{name}.product");
        recorder.Op("aten::mul.Tensor").Reads(activated, expanded.Tensor).Creates(product);
        Output contracted = _contract.Forward(product, tokens, recorder.Options.Model.Width);
        return new Output(contracted.Tensor, gradient =>
        {
            int productGradient = contracted.Backward(gradient);
            int activatedGradient = recorder.Transient(tokens * inner, $"{name}.activated.grad");
            recorder.Op("aten::mul.Tensor").Reads(productGradient, expanded.Tensor).Creates(activatedGradient);
            int expandedGradient = recorder.Transient(tokens * inner, $"{name}.expand.grad");
            recorder.Op("aten::mul.Tensor").Reads(productGradient, activated).Creates(expandedGradient);
            int inputGradient = expanded.Backward(expandedGradient);
            int gateGradient = recorder.Transient(tokens * inner, $"{name}.gate.grad");
            recorder.Op("aten::silu_backward").Reads(activatedGradient, gate.Tensor).Creates(gateGradient);
            int throughGate = gate.Backward(gateGradient);
            recorder.Op("aten::add_.Tensor").Updates(inputGradient).Reads(throughGate);
            return inputGradient;
        });
    }
}
