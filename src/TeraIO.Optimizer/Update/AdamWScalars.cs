namespace TeraIO.Optimizer.Update;

/// <summary>
/// What one step multiplies and adds, rounded once from double as libtorch rounds the scalar arguments of the ops that TorchSharp's AdamW calls.
/// </summary>
public readonly record struct AdamWScalars
{
    /// <param name="options">Of the parameter's group.</param>
    /// <param name="step">Number of this step, from 1: how often the parameter has had a gradient.</param>
    public AdamWScalars(AdamWOptions options, long step)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        Decay = (float)(1 - (options.LearningRate * options.WeightDecay));
        Beta1 = (float)options.Beta1;
        Gain1 = (float)(1 - options.Beta1);
        Beta2 = (float)options.Beta2;
        Gain2 = (float)(1 - options.Beta2);
        Correction = (float)Math.Sqrt(1 - Math.Pow(options.Beta2, step));
        Epsilon = (float)options.Epsilon;
        MinusStepSize = (float)-(options.LearningRate / (1 - Math.Pow(options.Beta1, step)));
    }

    /// <summary>Factor of the parameter: 1 - learning rate x weight decay.</summary>
    public float Decay { get; }

    /// <summary>Factor of the first moment.</summary>
    public float Beta1 { get; }

    /// <summary>1 - beta1: factor of the gradient.</summary>
    public float Gain1 { get; }

    /// <summary>Factor of the second moment.</summary>
    public float Beta2 { get; }

    /// <summary>1 - beta2: factor of the squared gradient.</summary>
    public float Gain2 { get; }

    /// <summary>Root of the second bias correction; divides the root of the second moment.</summary>
    public float Correction { get; }

    /// <summary>Added to the denominator.</summary>
    public float Epsilon { get; }

    /// <summary>Minus the learning rate over the first bias correction.</summary>
    public float MinusStepSize { get; }
}
