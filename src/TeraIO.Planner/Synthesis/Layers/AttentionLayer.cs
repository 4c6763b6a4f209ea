namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>
/// Multi-head attention with its projections. FLOP of the scores forward: 4 x batch x queries x keys x heads x head width, half of it when
/// a flash kernel leaves out what the causal mask hides; backward twice (materialised) or 2.5 times (flash, which computes the scores again).
/// Its input's gradient still lacks the other ranks' parts.
/// </summary>
internal sealed class AttentionLayer
{
    private readonly IterationRecorder _recorder;
    private readonly string _name;
    private readonly LinearLayer? _queryKeyValue;
    private readonly LinearLayer? _query;
    private readonly LinearLayer? _key;
    private readonly LinearLayer? _value;
    private readonly LinearLayer _projection;
    private readonly ScoreKernel _scores;
    private readonly long _queryWidth;
    private readonly long _keyWidth;

    /// <param name="recorder">Where ops go.</param>
    /// <param name="weights">Weights of this rank.</param>
    /// <param name="name">The module's name.</param>
    /// <param name="isCausal">Positions see only what came before.</param>
    /// <param name="positionBias">A learned bias by distance that is added to the scores; null: there is none.</param>
    public AttentionLayer(IterationRecorder recorder, WeightTable weights, string name, bool isCausal, Weight? positionBias = null)
    {
        ModelShape model = recorder.Options.Model;
        _recorder = recorder;
        _name = name;
        _queryWidth = (long)model.Heads * model.WidthOfHead / recorder.Options.TensorParallel;
        _keyWidth = (long)model.KeyValueHeadCount * model.WidthOfHead / recorder.Options.TensorParallel;
        if (model.HasFusedQueryKeyValue)
        {
            _queryKeyValue = new LinearLayer(recorder, weights, $"{name}.qkv");
        }
        else
        {
            _query = new LinearLayer(recorder, weights, $"{name}.q");
            _key = new LinearLayer(recorder, weights, $"{name}.k");
            _value = new LinearLayer(recorder, weights, $"{name}.v");
        }

        _projection = new LinearLayer(recorder, weights, $"{name}.projection");
        _scores = recorder.Options.Attention == AttentionKernel.Flash
            ? new FlashKernel(recorder, name, isCausal, positionBias)
            : new MaterialisedKernel(recorder, name, positionBias);
    }

    /// <summary>Self-attention.</summary>
    public Output Forward(int input, long tokens)
    {
        int width = _recorder.Options.Model.Width;
        if (_queryKeyValue is null)
        {
            CrossOutput separate = Cross(input, input, tokens, tokens);
            return new Output(separate.Tensor, gradient =>
            {
                (int throughQuery, int throughKeys) = separate.Backward(gradient);
                _recorder.Op("aten::add_.Tensor").Updates(throughKeys).Reads(throughQuery);
                return throughKeys;
            });
        }

        Output joint = _queryKeyValue.Forward(input, tokens, 3 * _queryWidth);
        ScoreOutput mixed = _scores.ForwardFused(joint.Tensor, tokens, _queryWidth);
        Output projected = _projection.Forward(mixed.Tensor, tokens, width);
        return new Output(projected.Tensor, gradient => joint.Backward(mixed.BackwardFused(projected.Backward(gradient))));
    }

    /// <summary>What attention to another sequence leaves: gradients go to both inputs.</summary>
    internal readonly record struct CrossOutput(int Tensor, Func<int, (int Queries, int Keys)> Backward);

    /// <summary>Attention from one sequence to another one.</summary>
    public CrossOutput Cross(int queries, int keys, long queryTokens, long keyTokens)
    {
        Output query = _query!.Forward(queries, queryTokens, _queryWidth);
        Output key = _key!.Forward(keys, keyTokens, _keyWidth);
        Output value = _value!.Forward(keys, keyTokens, _keyWidth);
        Output turnedQuery = Rotate(query.Tensor, $"{_name}.q");
        Output turnedKey = Rotate(key.Tensor, $"{_name}.k");
        ScoreOutput mixed = _scores.Forward(turnedQuery.Tensor, turnedKey.Tensor, value.Tensor, queryTokens, keyTokens);
        Output projected = _projection.Forward(mixed.Tensor, queryTokens, _recorder.Options.Model.Width);
        return new CrossOutput(projected.Tensor, gradient =>
        {
            (int queryGradient, int keyGradient, int valueGradient) = mixed.Backward(projected.Backward(gradient));
            int throughKeys = value.Backward(valueGradient);
            int throughKey = key.Backward(turnedKey.Backward(keyGradient));
            _recorder.Op("aten::add_.Tensor").Updates(throughKeys).Reads(throughKey);
            int throughQuery = query.Backward(turnedQuery.Backward(queryGradient));
            return (throughQuery, throughKeys);
        });
    }

    /// <summary>Turns each pair of features by an angle that grows with the position; backward turns back and needs nothing kept.</summary>
    private Output Rotate(int input, string name)
    {
        if (!_recorder.Options.Model.IsRotary) return new Output(input, static gradient => gradient);
        long bytes = _recorder.BytesOf(input);
        int output = _recorder.Transient(bytes, 1, $"{name}.rotated");
        _recorder.Op("rotary_embedding").Reads(input).Creates(output);
        return new Output(output, gradient =>
        {
            int turnedBack = _recorder.Transient(bytes, 1, $"{name}.grad");
            _recorder.Op("rotary_embedding_backward").Reads(gradient).Creates(turnedBack);
            return turnedBack;
        });
    }
}
