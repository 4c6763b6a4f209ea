namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>The sum of gradients that several layers bring for one tensor, such as an encoder's output.</summary>
internal sealed class GradientSum(IterationRecorder recorder)
{
    /// <summary>The sum so far; -1 when nothing came.</summary>
    public int Tensor { get; private set; } = -1;

    public void Add(int gradient)
    {
        if (Tensor < 0) Tensor = gradient;
        else recorder.Op("aten::add_.Tensor").Updates(Tensor).Reads(gradient);
    }
}

/// <summary>Another sequence that a block attends to.</summary>
/// <param name="Tensor">Its hidden states.</param>
/// <param name="Tokens">Their number.</param>
/// <param name="Gradient">Where its gradients go.</param>
internal sealed record Memory(int Tensor, long Tokens, GradientSum Gradient);

/// <summary>
/// Attention, attention to another sequence where there is one, and feed-forward: each behind a norm and beside the residual stream (pre-norm). With
/// activation checkpointing only the input is kept, and all is computed again when backward comes.
/// </summary>
internal sealed class Block
{
    private readonly IterationRecorder _recorder;
    private readonly string _name;
    private readonly NormLayer _attentionNorm;
    private readonly AttentionLayer _attention;
    private readonly NormLayer? _crossNorm;
    private readonly AttentionLayer? _cross;
    private readonly NormLayer _feedForwardNorm;
    private readonly Func<int, long, Output> _feedForward;

    public Block(IterationRecorder recorder, WeightTable weights, string name, bool isCausal)
    {
        _recorder = recorder;
        _name = name;
        _attentionNorm = new NormLayer(recorder, weights, $"{name}.attention_norm");
        _attention = new AttentionLayer(recorder, weights, $"{name}.attention", isCausal, weights.Find($"{name}.attention.position_bias"));
        if (weights.Find($"{name}.cross_norm.weight") is not null)
        {
            _crossNorm = new NormLayer(recorder, weights, $"{name}.cross_norm");
            _cross = new AttentionLayer(recorder, weights, $"{name}.cross", isCausal: false);
        }

        _feedForwardNorm = new NormLayer(recorder, weights, $"{name}.feed_forward_norm");
        _feedForward = recorder.Options.Model.Experts > 0
            ? new ExpertsLayer(recorder, weights, $"{name}.feed_forward").Forward
            : new FeedForwardLayer(recorder, weights, $"{name}.feed_forward").Forward;
    }

    public Output Forward(int input, long tokens, Memory? memory = null)
    {
        if (!_recorder.Options.ActivationCheckpointing) return Run(input, tokens, memory);
        _recorder.IsTaping = false;
        Output first = Run(input, tokens, memory);
        _recorder.IsTaping = true;
        return new Output(first.Tensor, gradient => Run(input, tokens, memory).Backward(gradient));
    }

    private Output Run(int input, long tokens, Memory? memory)
    {
        Output attended = Residual(input, tokens, _attentionNorm, "attention", normed => _attention.Forward(normed, tokens));
        Output crossed = memory is null
            ? new Output(attended.Tensor, static gradient => gradient)
            : Residual(attended.Tensor, tokens, _crossNorm!, "cross", normed => Cross(normed, tokens, memory));
        Output fed = Residual(crossed.Tensor, tokens, _feedForwardNorm, "feed_forward", normed => _feedForward(normed, tokens));
        return new Output(fed.Tensor, gradient => attended.Backward(crossed.Backward(fed.Backward(gradient))));
    }

    private Output Cross(int normed, long tokens, Memory memory)
    {
        AttentionLayer.CrossOutput output = _cross!.Cross(normed, memory.Tensor, tokens, memory.Tokens);
        return new Output(output.Tensor, gradient =>
        {
            (int throughQueries, int throughKeys) = output.Backward(gradient);
            memory.Gradient.Add(throughKeys);
            return throughQueries;
        });
    }

    private Output Residual(int input, long tokens, NormLayer norm, string layer, Func<int, Output> forward)
    {
        string name = $"{_name}.{layer}";
        _recorder.Module = name;
        Output normed = norm.Forward(input, tokens);
        Output own = forward(normed.Tensor);
        // Each rank has computed a part of the sum.
        Communication.AllReduce(_recorder, own.Tensor);
        Output dropped = DropoutLayer.Forward(_recorder, own.Tensor, name);
        int output = _recorder.Transient(_recorder.BytesOf(input), 1, $"{name}.residual");
        _recorder.Op("aten::add.Tensor").Reads(input, dropped.Tensor).Creates(output);
        return new Output(output, gradient =>
        {
            _recorder.Module = name;
            int throughLayer = Communication.AllReduce(_recorder, own.Backward(dropped.Backward(gradient)));
            int throughNorm = normed.Backward(throughLayer);
            // Autograd adds in place: nobody else holds the residual's gradient any more.
            _recorder.Op("aten::add_.Tensor").Updates(gradient).Reads(throughNorm);
            return gradient;
        });
    }
}
