namespace TeraIO.Planner.Lifetimes;

/// <summary>
/// A stretch of the iteration in which a tensor lives and no op uses it: its memory may be given away meanwhile (TERAIO section 3.1, where it is called
/// inactive period; G10 section 4.1). Ops are counted cyclically: the period may run over the end of the iteration into the next one.
/// </summary>
/// <param name="Tensor">Index into the trace's tensors.</param>
/// <param name="Bytes">Size of the tensor.</param>
/// <param name="StartOp">The use before: the tensor can leave when this op has ended.</param>
/// <param name="EndOp">
/// The next use: the tensor must be back when this op begins. When <paramref name="IsRead"/> is false nobody needs it back, and this is the op after which
/// it is freed. Equal to <paramref name="StartOp"/> when only one op uses a persistent tensor.
/// </param>
/// <param name="IdleOps">How many ops run between the two without the tensor, at least 1. The first one is the op after <paramref name="StartOp"/>.</param>
/// <param name="Version">
/// Number of the contents: periods of a tensor between two ops that change it have the same one. Of those only the first that is given away costs a write;
/// later ones find a current copy in the store.
/// </param>
/// <param name="IsDirty">Whether an op of the iteration changes these contents, so that a first move writes them. False for tensors that no op writes.</param>
/// <param name="IsRead">Whether the bytes are needed again at its end.</param>
public readonly record struct InactivePeriod(
    int Tensor, long Bytes, int StartOp, int EndOp, int IdleOps, int Version, bool IsDirty, bool IsRead);
