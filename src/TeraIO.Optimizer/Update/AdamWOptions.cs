using TeraIO.Core;

namespace TeraIO.Optimizer.Update;

/// <summary>The numbers of AdamW, as <c>torch.optim.AdamW</c> takes them. AMSGrad and maximisation are not supported.</summary>
/// <param name="LearningRate">Step length; 0 or more.</param>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1). TorchSharp's factory method has 0.99 as its default, PyTorch and this type 0.999.</param>
/// <param name="Epsilon">Added to the denominator; 0 or more.</param>
/// <param name="WeightDecay">Decoupled weight decay per unit of learning rate; 0 or more.</param>
public sealed record AdamWOptions(
    double LearningRate = 1e-3, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0)
{
    /// <exception cref="ConfigurationException">A number is outside its range.</exception>
    public void Validate()
    {
        Require(LearningRate >= 0, nameof(LearningRate), LearningRate, "0 or more");
        Require(Epsilon >= 0, nameof(Epsilon), Epsilon, "0 or more");
        Require(WeightDecay >= 0, nameof(WeightDecay), WeightDecay, "0 or more");
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "a number in [0, 1)");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "a number in [0, 1)");
    }

    private static void Require(bool isMet, string option, double value, string range)
    {
        if (!isMet || !double.IsFinite(value)) throw new ConfigurationException($"AdamWOptions.{option} is {value}: use {range}.");
    }
}
