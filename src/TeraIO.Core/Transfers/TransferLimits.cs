namespace TeraIO.Core.Transfers;

/// <summary>What an engine keeps in flight at once, in each direction.</summary>
/// <param name="ReadBytes">Bytes of reads.</param>
/// <param name="WriteBytes">Bytes of writes: less, so that an urgent read always finds room in the device's queue.</param>
/// <param name="TransfersPerDirection">Transfers, however short.</param>
internal readonly record struct TransferLimits(long ReadBytes, long WriteBytes, int TransfersPerDirection)
{
    private const long ChunkBytes = 1 << 20;

    /// <summary>Limits for a backend that keeps <paramref name="queueDepth"/> chunks of 1 MiB in flight.</summary>
    public static TransferLimits ForQueueDepth(int queueDepth) =>
        new(queueDepth * ChunkBytes, Math.Max(1, queueDepth / 2) * ChunkBytes, 4 * queueDepth);

    /// <summary>Requests the backend must be able to hold, so that it is never busy: those of both directions, and as many that are tried again beside them.</summary>
    public int MostRequests => 4 * TransfersPerDirection;
}
