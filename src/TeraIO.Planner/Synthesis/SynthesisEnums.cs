namespace TeraIO.Planner.Synthesis;

/// <summary>Number formats of a training.</summary>
public enum TrainingPrecision
{
    /// <summary>FP32 tensors, products in FP32 arithmetic.</summary>
    Fp32,

    /// <summary>FP32 tensors, products by TF32 tensor cores.</summary>
    Tf32,

    /// <summary>
    /// BF16 weights, gradients and activations (2 bytes each); the optimizer keeps an FP32 master copy of the weights and FP32 moments.
    /// </summary>
    Bf16Mixed,
}

/// <summary>How attention is computed.</summary>
public enum AttentionKernel
{
    /// <summary>One kernel that never writes the scores to memory; backward computes them again (FlashAttention-2).</summary>
    Flash,

    /// <summary>Scores and probabilities are tensors of batch x heads x sequence x sequence.</summary>
    Materialised,
}

/// <summary>Which optimizer updates the weights.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW: two moments per weight.</summary>
    AdamW,

    /// <summary>Stochastic gradient descent with momentum: one buffer per weight.</summary>
    Sgd,
}

/// <summary>How finely the framework cuts the work into ops.</summary>
public enum KernelSet
{
    /// <summary>As PyTorch on CUDA: biases added by the product, dropout one op with a mask of a byte per element, the optimizer one op per weight.</summary>
    Fused,

    /// <summary>As TorchSharp on a CPU: biases added by an op of their own, dropout four ops with a mask as large as the data, the optimizer nine ops per weight.</summary>
    Eager,
}

/// <summary>Layer normalisation of a model.</summary>
public enum NormalisationKind
{
    /// <summary>Mean and variance; weight and bias (GPT-2).</summary>
    LayerNorm,

    /// <summary>Root mean square; weight only (Llama, T5).</summary>
    RmsNorm,
}

/// <summary>Feed-forward layer of a model.</summary>
public enum FeedForwardKind
{
    /// <summary>Two products around a GELU.</summary>
    Gelu,

    /// <summary>Two products around a ReLU.</summary>
    Relu,

    /// <summary>Three products: SiLU of one times another into the third (Llama).</summary>
    SwiGlu,
}
