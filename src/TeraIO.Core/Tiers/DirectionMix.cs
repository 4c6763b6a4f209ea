namespace TeraIO.Core.Tiers;

/// <summary>The share of writes in a store's recent traffic, by bytes. Not thread-safe.</summary>
internal sealed class DirectionMix
{
    // As if so much had been written and read before: the first writes alone do not make a store that is only written.
    private const double PriorBytes = 64 << 20;
    private const double HalfLifeBytes = 1L << 30;

    private double _read = PriorBytes;
    private double _written = PriorBytes;
    private long _seenRead;
    private long _seenWritten;

    /// <summary>0 to 1.</summary>
    public double WriteShare => _written / (_read + _written);

    /// <summary>Takes the totals since the store was opened.</summary>
    public void Observe(long bytesRead, long bytesWritten)
    {
        long read = bytesRead - _seenRead;
        long written = bytesWritten - _seenWritten;
        if (read + written == 0)
            return;
        double kept = Math.Pow(0.5, (read + written) / HalfLifeBytes);
        _read = (_read * kept) + read;
        _written = (_written * kept) + written;
        _seenRead = bytesRead;
        _seenWritten = bytesWritten;
    }
}
