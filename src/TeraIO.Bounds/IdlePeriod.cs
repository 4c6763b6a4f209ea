namespace TeraIO.Bounds;

/// <summary>
/// A stretch of the iteration in which a movable tensor is alive and no op uses it. Places in time are <i>positions</i>: op k begins at position 2k and
/// ends at 2k + 1, so that the wait before op k + 1 lies between 2k + 1 and 2k + 2; positions go on beyond the iteration's end where a period wraps.
/// </summary>
/// <param name="Tensor">Index into the trace's tensors.</param>
/// <param name="Start">End of the use before: an odd position inside the iteration.</param>
/// <param name="End">Begin of the use after, or the end of life plus one when no use follows; greater than <paramref name="Start"/>.</param>
/// <param name="EndsInFree">The tensor dies at the end: what left need not come back.</param>
/// <param name="DirtySince">
/// End of the op that last changed the bytes, not after <paramref name="Start"/> and negative when it lies in the iteration before;
/// <see cref="NeverDirty"/> when no op changes them, so that the store holds them in every steady iteration.
/// </param>
/// <param name="History">The same for all periods between two changes of a tensor's bytes, which one write to the store can serve; such periods follow each other.</param>
internal readonly record struct IdlePeriod(int Tensor, int Start, int End, bool EndsInFree, int DirtySince, int History)
{
    /// <summary>See <see cref="DirtySince"/>.</summary>
    public const int NeverDirty = int.MinValue;

    /// <summary>The store already holds the bytes: leaving costs nothing.</summary>
    public bool IsNeverDirty => DirtySince == NeverDirty;

    /// <summary>Bytes may be written before the period begins, while ops still read the tensor.</summary>
    public bool CanBeWrittenBefore => !IsNeverDirty && DirtySince < Start;
}
