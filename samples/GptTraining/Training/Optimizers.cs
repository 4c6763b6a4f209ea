using TeraIO.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>One tensor of optimizer state that belongs to a parameter; absent until the optimizer makes it.</summary>
/// <param name="Name">Such as <c>exp_avg</c>.</param>
/// <param name="Get">The tensor, owned by the optimizer, or null.</param>
/// <param name="Set">Gives the optimizer a tensor that it did not have.</param>
internal readonly record struct OptimizerSlot(string Name, Func<Tensor?> Get, Action<Tensor> Set);

/// <summary>Creates TorchSharp's optimizers for a model and reaches their state.</summary>
internal static class Optimizers
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.95;
    private const double Momentum = 0.9;

    /// <summary>Names on the command line.</summary>
    public static IReadOnlyList<string> Names { get; } = ["sgd", "adam", "adamw"];

    /// <summary>Learning rate that fits the optimizer when the user gives none.</summary>
    public static double DefaultLearningRate(string name) => name == "sgd" ? 0.05 : 6e-4;

    /// <summary>Creates an optimizer for all parameters; matrices decay, vectors (biases, norms) do not.</summary>
    /// <exception cref="ConfigurationException">The name is unknown.</exception>
    public static OptimizerHelper Create(string name, nn.Module model, double learningRate, double weightDecay)
    {
        var matrices = new ScopedParameters([.. model.parameters().Where(p => p.dim() > 1)]);
        var vectors = new ScopedParameters([.. model.parameters().Where(p => p.dim() <= 1)]);
        return name switch
        {
            "sgd" => optim.SGD(
                [
                    new SGD.ParamGroup(matrices, learningRate, Momentum, weight_decay: weightDecay),
                    new SGD.ParamGroup(vectors, learningRate, Momentum),
                ],
                learningRate, Momentum),
            "adam" => optim.Adam(
                [
                    new Adam.ParamGroup(matrices, learningRate, Beta1, Beta2, weight_decay: weightDecay),
                    new Adam.ParamGroup(vectors, learningRate, Beta1, Beta2),
                ],
                learningRate),
            "adamw" => optim.AdamW(
                [
                    new AdamW.ParamGroup(matrices, learningRate, Beta1, Beta2, weight_decay: weightDecay),
                    new AdamW.ParamGroup(vectors, learningRate, Beta1, Beta2),
                ],
                learningRate),
            _ => throw new ConfigurationException($"--optimizer '{name}' is unknown; choose one of {string.Join(", ", Names)}."),
        };
    }

    /// <summary>State tensors per parameter, in the optimizer's order of parameters.</summary>
    public static IReadOnlyList<IReadOnlyList<OptimizerSlot>> Slots(OptimizerHelper optimizer) =>
        [.. optimizer.state_dict().State.Select(SlotsOf)];

    /// <summary>Steps that the optimizer has counted for each parameter; zeros where it does not count.</summary>
    public static long[] StepCounts(OptimizerHelper optimizer) =>
        [.. optimizer.state_dict().State.Select(s => s switch { Adam.State a => a.step, AdamW.State w => w.step, _ => 0 })];

    /// <summary>Restores what <see cref="StepCounts"/> gave.</summary>
    public static void SetStepCounts(OptimizerHelper optimizer, IReadOnlyList<long> counts)
    {
        var states = optimizer.state_dict().State;
        for (var i = 0; i < states.Count; i++)
        {
            if (states[i] is Adam.State adam)
                adam.step = counts[i];
            else if (states[i] is AdamW.State adamW)
                adamW.step = counts[i];
        }
    }

    private static OptimizerSlot[] SlotsOf(OptimizerState state) => state switch
    {
        Adam.State s =>
        [
            new("exp_avg", () => s.exp_avg, t => s.exp_avg = t),
            new("exp_avg_sq", () => s.exp_avg_sq, t => s.exp_avg_sq = t),
        ],
        AdamW.State s =>
        [
            new("exp_avg", () => s.exp_avg, t => s.exp_avg = t),
            new("exp_avg_sq", () => s.exp_avg_sq, t => s.exp_avg_sq = t),
        ],
        SGD.State s => [new("momentum_buffer", () => s.momentum_buffer, t => s.momentum_buffer = t)],
        _ => throw new NotSupportedException($"Optimizer state {state.GetType()} has no known tensors."),
    };
}
