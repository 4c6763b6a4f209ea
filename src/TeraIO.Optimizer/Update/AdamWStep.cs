using TeraIO.Optimizer.Gradients;

namespace TeraIO.Optimizer.Update;

/// <summary>What all subgroups of one step share.</summary>
/// <param name="Parameters">The model's tensors, which get the new values.</param>
/// <param name="Gradients">Where gradients are read, unless they travel with the state.</param>
/// <param name="Scalars">Of each tensor; <see langword="null"/> leaves the tensor as it is.</param>
/// <param name="Arithmetic">Where to round.</param>
/// <param name="KeepsMaster">Whether a state record begins with the parameters.</param>
internal sealed record AdamWStep(
    IReadOnlyList<HostTensor> Parameters, IGradientSource Gradients, IReadOnlyList<AdamWScalars?> Scalars, AdamWArithmetic Arithmetic, bool KeepsMaster);
