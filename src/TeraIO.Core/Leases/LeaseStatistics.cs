namespace TeraIO.Core.Leases;

/// <summary>What the leases of one device and direction did in one store since it was opened.</summary>
/// <param name="Name">Path and direction, or <c>node</c>.</param>
/// <param name="Holds">Leases that were granted.</param>
/// <param name="Renewals">Times that a used-up lease went on because nobody waited.</param>
/// <param name="Bytes">Bytes of transfers begun under leases.</param>
/// <param name="Waited">Time during which transfers waited for a lease.</param>
/// <param name="LongestWait">The longest of these waits.</param>
/// <param name="Held">Time during which the lease was held.</param>
public sealed record LeaseStatistics(string Name, long Holds, long Renewals, ByteSize Bytes, TimeSpan Waited, TimeSpan LongestWait, TimeSpan Held);
