namespace TeraIO.Distributed;

/// <summary>A process that nobody else was started with: the only rank. Needs no MPI.</summary>
public sealed class SingleProcess : ICommunicator
{
    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void SumInPlace(Span<float> values)
    {
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> bytes, int from) => ArgumentOutOfRangeException.ThrowIfNotEqual(from, 0);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(all.Length, own.Length);
        own.CopyTo(all);
    }

    /// <inheritdoc/>
    public void Leave()
    {
    }

    /// <inheritdoc/>
    public void Abort(int exitCode)
    {
    }
}
