using TorchSharp;
using static TorchSharp.torch;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>What a test trains. The same script gives the same losses, with and without a session around it.</summary>
internal sealed record TrainingScript
{
    public string Optimizer { get; init; } = "adamw";

    public int Steps { get; init; } = 4;

    public int Accumulate { get; init; } = 1;

    public bool Tied { get; init; }

    public double Dropout { get; init; }

    /// <summary>Another batch shape in every other step.</summary>
    public bool VaryShape { get; init; }

    /// <summary>An evaluation pass without gradients after every step.</summary>
    public bool Evaluate { get; init; }

    /// <summary>Something else once, in the middle of training: <c>shape</c>, <c>evaluate</c> or <c>skip</c> (a layer).</summary>
    public string? Surprise { get; init; }

    /// <summary>The loss is the mean square of the logits, a single number that comes out of a large storage.</summary>
    public bool MeanSquare { get; init; }

    /// <summary>Where the model, its batches and the optimizer's state are.</summary>
    public TensorDevice Device { get; init; }

    /// <summary>Makes the optimizer in place of <see cref="Optimizer"/>.</summary>
    public Func<IEnumerable<TorchSharp.Modules.Parameter>, optim.Optimizer>? CustomOptimizer { get; init; }

    /// <summary>Told of each loss of training when the program has it.</summary>
    public Action<float>? Told { get; init; }

    private int SurpriseStep => Steps / 2;

    /// <summary>Runs the script; <paramref name="session"/> learns the model's names if there is one.</summary>
    /// <returns>Every loss, and at the end a sum over each parameter, in order.</returns>
    public List<float> Run(OffloadSession? session = null)
    {
        random.manual_seed(7);
        var losses = new List<float>();
        using var scope = NewDisposeScope();
        using var model = new TinyTransformer(this);
        if (Device.IsCuda) model.to(device(Device.ToString()));
        using optim.Optimizer optimizer = CreateOptimizer(model);
        session?.Register(model, optimizer);
        try
        {
            for (int step = 0; step < Steps; step++)
            {
                using StepScope? marked = session?.BeginStep();
                TrainStep(model, optimizer, step, losses);
            }
        }
        catch (System.Runtime.InteropServices.ExternalException) when (session?.Failure is not null)
        {
            throw session.Failure; // libtorch stopped the op; the session knows why
        }

        using (no_grad())
        {
            foreach (var parameter in model.parameters())
            {
                using var sums = NewDisposeScope();
                losses.Add(parameter.abs().sum().item<float>());
            }
        }

        return losses;
    }

    private optim.Optimizer CreateOptimizer(TinyTransformer model) => CustomOptimizer is { } create ? create(model.parameters()) : Optimizer switch
    {
        "sgd" => optim.SGD(model.parameters(), 0.05, momentum: 0.9),
        "adam" => optim.Adam(model.parameters(), 1e-3),
        _ => optim.AdamW(model.parameters(), 1e-3),
    };

    private void TrainStep(TinyTransformer model, optim.Optimizer optimizer, int step, List<float> losses)
    {
        using var scope = NewDisposeScope();
        bool isSurprise = step == SurpriseStep;
        model.SkipsLastBlock = isSurprise && Surprise == "skip";
        optimizer.zero_grad();
        for (int micro = 0; micro < Accumulate; micro++)
        {
            using var microScope = NewDisposeScope();
            (Tensor tokens, Tensor targets) = Batch(step, micro);
            Tensor loss = Loss(model.forward(tokens), targets) / Accumulate;
            loss.backward();
            losses.Add(loss.item<float>());
            Told?.Invoke(losses[^1]);
        }

        nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
        if (!Evaluate && !(isSurprise && Surprise == "evaluate")) return;
        using var evaluation = no_grad();
        model.eval();
        (Tensor unseen, Tensor expected) = Batch(1000 + step, 0);
        losses.Add(Loss(model.forward(unseen), expected).item<float>());
        model.train();
    }

    private Tensor Loss(Tensor logits, Tensor targets) => MeanSquare
        ? nn.functional.mse_loss(logits, zeros_like(logits))
        : nn.functional.cross_entropy(logits.view(-1, TinyTransformer.Vocabulary), targets.view(-1));

    private (Tensor Tokens, Tensor Targets) Batch(int step, int micro)
    {
        var random = new Random((step * 31) + micro);
        (int batch, int length) = (VaryShape && step % 2 == 1) || (Surprise == "shape" && step == SurpriseStep) ? (3, 96) : (4, 128);
        long[] text = [.. Enumerable.Range(0, batch * (length + 1)).Select(_ => (long)random.Next(TinyTransformer.Vocabulary))];
        Tensor all = tensor(text, [batch, length + 1], device: device(Device.ToString()));
        return (all.slice(1, 0, length, 1).contiguous(), all.slice(1, 1, length + 1, 1).contiguous());
    }
}
