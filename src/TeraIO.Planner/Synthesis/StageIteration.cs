using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis.Layers;

namespace TeraIO.Planner.Synthesis;

/// <summary>The iteration of one rank: its blocks, run as the pipeline's schedule says, and the update.</summary>
internal sealed class StageIteration
{
    private readonly IterationRecorder _recorder;
    private readonly SynthesisOptions _options;
    private readonly WeightTable _weights;
    private readonly EmbeddingLayer? _embedding;
    private readonly List<Block> _encoder = [];
    private readonly List<Block> _blocks = [];
    private readonly NormLayer? _encoderNorm;
    private readonly NormLayer? _finalNorm;
    private readonly LossLayer? _loss;
    private readonly Dictionary<int, Action> _backwards = [];
    private readonly List<int> _coolDownReceives = [];
    private int _firstReceive = -1;
    private int _firstGradientReceive = -1;

    public StageIteration(IterationRecorder recorder)
    {
        _recorder = recorder;
        _options = recorder.Options;
        ModelShape model = _options.Model;
        (int first, int end) = BlocksOf(_options);
        _weights = new WeightTable(recorder, (model.EncoderLayers == 0 ? first : 0, model.EncoderLayers + end));
        if (_options.IsFirstStage) _embedding = new EmbeddingLayer(recorder, _weights);
        for (int i = 0; i < model.EncoderLayers; i++) _encoder.Add(new Block(recorder, _weights, $"encoder{i}", isCausal: false));
        if (model.EncoderLayers > 0) _encoderNorm = new NormLayer(recorder, _weights, "encoder_norm");
        for (int i = first; i < end; i++) _blocks.Add(new Block(recorder, _weights, $"block{i}", isCausal: true));
        if (!_options.IsLastStage) return;
        _finalNorm = new NormLayer(recorder, _weights, "final_norm");
        _loss = new LossLayer(recorder, _weights);
    }

    /// <summary>Decoder blocks of a rank's stage.</summary>
    public static (int First, int End) BlocksOf(SynthesisOptions options) =>
        (options.Model.Layers * options.Stage / options.PipelineParallel, options.Model.Layers * (options.Stage + 1) / options.PipelineParallel);

    public void Record()
    {
        double forward = 0;
        double backward = 0;
        foreach (StageTask task in PipelineSchedule.Of(_options.PipelineParallel, _options.Stage, _options.MicroBatches))
        {
            int before = _recorder.OpCount;
            _recorder.MicroBatch = task.MicroBatch;
            _recorder.Phase = task.IsForward ? OpPhase.Forward : OpPhase.Backward;
            if (task.IsForward)
            {
                Forward(task.MicroBatch);
                if (task.MicroBatch == 0) forward = _recorder.SecondsOf(before, _recorder.OpCount);
            }
            else
            {
                int receives = _recorder.OpCount;
                _backwards[task.MicroBatch]();
                _backwards.Remove(task.MicroBatch);
                if (task.IsCoolDown) _coolDownReceives.Add(receives);
                if (task.MicroBatch == 0) backward = _recorder.SecondsOf(before, _recorder.OpCount);
            }
        }

        int lastOp = _recorder.OpCount - 1;
        if (_options.PipelineParallel > 1) AddBubbles(forward, backward, lastOp);
        new OptimizerStep(_recorder, _weights).Record();
    }

    /// <summary>
    /// What a stage waits for its neighbours, (p - 1)(forward + backward) together, when all stages take equally long: s forwards before its first
    /// one, p - 1 - s backwards before its first backward, p - 1 - s forwards within the last backwards, s backwards at the end.
    /// </summary>
    private void AddBubbles(double forward, double backward, int lastOp)
    {
        int before = _options.Stage;
        int after = _options.PipelineParallel - 1 - _options.Stage;
        if (_firstReceive >= 0) _recorder.Waits(_firstReceive, before * forward);
        if (_firstGradientReceive >= 0) _recorder.Waits(_firstGradientReceive, after * backward);
        foreach (int receive in _coolDownReceives) _recorder.Waits(receive, after * forward / _coolDownReceives.Count);
        _recorder.Waits(lastOp, before * backward);
    }

    private void Forward(int microBatch)
    {
        long tokens = _options.TokensPerMicroBatch;
        _recorder.Module = "tokens";
        int tokenIds = _options.IsFirstStage ? Input(tokens, "tokens.ids") : -1;
        int targets = _options.IsLastStage ? Input(tokens, "targets") : -1;
        Memory? memory = _encoder.Count > 0 ? Encode(out Action<int> encoderTakes) : Nothing(out encoderTakes);
        int hidden = Entry(tokenIds, tokens, out Action<int> takes);
        var backwards = new Stack<Backward>();
        foreach (Block block in _blocks)
        {
            Output output = block.Forward(hidden, tokens, memory);
            backwards.Push(output.Backward);
            hidden = output.Tensor;
        }

        Func<int> start = Exit(hidden, targets, tokens);
        _backwards.Add(microBatch, () =>
        {
            int gradient = start();
            while (backwards.TryPop(out Backward? backward)) gradient = backward(gradient);
            _recorder.Module = "tokens";
            takes(gradient);
            if (memory is not null) encoderTakes(memory.Gradient.Tensor);
        });
    }

    private int Input(long tokens, string name)
    {
        int input = _recorder.Transient(tokens, sizeof(long), name, TensorKind.Input);
        _recorder.Op("data").Creates(input);
        return input;
    }

    private static Memory? Nothing(out Action<int> takes)
    {
        takes = static _ => { };
        return null;
    }

    private Memory Encode(out Action<int> takes)
    {
        long tokens = _options.TokensPerMicroBatch;
        int sourceIds = Input(tokens, "source.ids");
        int hidden = _embedding!.Forward(sourceIds, tokens, out Action<int> embeddingTakes);
        var backwards = new Stack<Backward>();
        foreach (Block block in _encoder)
        {
            Output output = block.Forward(hidden, tokens);
            backwards.Push(output.Backward);
            hidden = output.Tensor;
        }

        Output normed = _encoderNorm!.Forward(hidden, tokens);
        Output dropped = DropoutLayer.Forward(_recorder, normed.Tensor, "encoder_norm");
        takes = gradient =>
        {
            gradient = normed.Backward(dropped.Backward(gradient));
            while (backwards.TryPop(out Backward? backward)) gradient = backward(gradient);
            embeddingTakes(gradient);
        };
        return new Memory(dropped.Tensor, tokens, new GradientSum(_recorder));
    }

    private int Entry(int tokenIds, long tokens, out Action<int> takes)
    {
        if (_embedding is not null) return _embedding.Forward(tokenIds, tokens, out takes);
        int hidden = _recorder.Transient(tokens * _options.Model.Width, "received");
        int receive = Communication.Receive(_recorder, hidden);
        if (_firstReceive < 0) _firstReceive = receive;
        takes = gradient => Communication.Send(_recorder, gradient);
        return hidden;
    }

    private Func<int> Exit(int hidden, int targets, long tokens)
    {
        _recorder.Module = "head";
        if (_loss is null)
        {
            Communication.Send(_recorder, hidden);
            return () =>
            {
                _recorder.Module = "head";
                int gradient = _recorder.Transient(tokens * _options.Model.Width, "received.grad");
                int receive = Communication.Receive(_recorder, gradient);
                if (_firstGradientReceive < 0) _firstGradientReceive = receive;
                return gradient;
            };
        }

        Output normed = _finalNorm!.Forward(hidden, tokens);
        Output dropped = _encoder.Count > 0 ? DropoutLayer.Forward(_recorder, normed.Tensor, "final_norm") : new Output(normed.Tensor, static g => g);
        Func<int> loss = _loss.Forward(dropped.Tensor, targets, tokens);
        return () =>
        {
            _recorder.Module = "head";
            return normed.Backward(dropped.Backward(Communication.AllReduce(_recorder, loss())));
        };
    }
}
