namespace TeraIO.Optimizer.Update;

/// <summary>How a number is kept in memory.</summary>
public enum ElementFormat
{
    /// <summary>IEEE single precision, 4 bytes.</summary>
    Fp32,

    /// <summary>bfloat16, 2 bytes: the upper half of a single.</summary>
    Bf16,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    Fp16,
}
