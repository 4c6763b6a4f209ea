using TeraIO.Torch.DataParallel;
using TorchSharp;
using TorchSharp.Modules;

namespace TeraIO.Samples.GptTraining;

/// <summary>How one optimizer step is computed.</summary>
/// <param name="Accumulate">Micro batches whose gradients are averaged.</param>
/// <param name="LossChunk">Tokens whose vocabulary scores are computed at once.</param>
/// <param name="ClipNorm">Largest norm of all gradients together; 0 does not clip.</param>
internal sealed record TrainingStepSettings(int Accumulate, int LossChunk, double ClipNorm);

/// <summary>
/// Forward, backward, clipping and optimizer: the part of training that touches tensors. Batch and sequence may change
/// from call to call. Every tensor it makes is disposed when it returns; gradients are freed, not zeroed.
/// </summary>
/// <remarks>With a replica every rank takes its part of each micro batch, and gradients and loss are the means over the ranks, which are those of the whole batch.</remarks>
internal sealed class TrainingStep(GptModel model, OptimizerHelper optimizer, LearningRateSchedule schedule, TrainingStepSettings settings, ModelReplica? replica = null)
{
    private readonly List<Parameter> _parameters = [.. model.parameters()];

    /// <summary>Trains on the next batches.</summary>
    /// <param name="step">Number of the step from 0, for the learning rate.</param>
    /// <param name="batches">Where they come from.</param>
    /// <param name="batch">Sequences per micro batch, of all ranks together.</param>
    /// <param name="sequence">Tokens per sequence.</param>
    /// <returns>Mean loss in nats per token, before the update.</returns>
    public float Run(int step, TextBatches batches, int batch, int sequence)
    {
        model.train();
        var loss = 0f;
        for (var i = 0; i < settings.Accumulate; i++)
            loss += Backpropagate(batches, batch, sequence);
        replica?.AverageGradients();
        if (settings.ClipNorm > 0)
        {
            using var scope = torch.NewDisposeScope();
            torch.nn.utils.clip_grad_norm_(_parameters, settings.ClipNorm);
        }
        var rate = schedule.At(step);
        foreach (var group in optimizer.ParamGroups)
            group.LearningRate = rate;
        optimizer.step();
        foreach (var parameter in _parameters)
            parameter.grad = null;
        var mean = loss / settings.Accumulate;
        return replica?.Average(mean) ?? mean;
    }

    /// <summary>Mean loss on the held-out batches; no gradients, no dropout, no random numbers drawn.</summary>
    public float Evaluate(TextBatches batches)
    {
        model.eval();
        using var noGradients = torch.no_grad();
        var sum = 0f;
        var count = 0;
        foreach (var (tokens, targets) in batches.HeldOut())
        {
            using (tokens)
            using (targets)
            using (var loss = model.Loss(tokens, targets, settings.LossChunk))
                sum += loss.item<float>();
            count++;
        }
        return sum / count;
    }

    private float Backpropagate(TextBatches batches, int batch, int sequence)
    {
        using var scope = torch.NewDisposeScope();
        var (tokens, targets) = batches.Next(batch, sequence, replica?.Ranks.Rank ?? 0, replica?.Ranks.Size ?? 1);
        var loss = model.Loss(tokens, targets, settings.LossChunk);
        (loss / settings.Accumulate).backward();
        return loss.item<float>();
    }
}
