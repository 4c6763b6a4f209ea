namespace TeraIO.Bounds;

/// <summary>An idle period as the checkpoints see it. Indices are unrolled: they may lie outside the iteration by one turn.</summary>
/// <param name="First">First checkpoint within.</param>
/// <param name="Last">Last checkpoint within; what is away must come back in the interval after it.</param>
/// <param name="EndsInFree">See <see cref="IdlePeriod"/>.</param>
/// <param name="ReleasedAtEnd">Writing can begin only in the wait before <paramref name="First"/>: the op before it makes the bytes.</param>
/// <param name="EarlyFrom">First interval in which a write ahead of the period can run; equal to <paramref name="EarlyUntil"/> + 1 when none can.</param>
/// <param name="EarlyUntil">Last such interval.</param>
internal readonly record struct GroupPeriod(int First, int Last, bool EndsInFree, bool ReleasedAtEnd, int EarlyFrom, int EarlyUntil)
{
    public bool CanBeWrittenBefore => EarlyFrom <= EarlyUntil;
}
