using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Tiers;

/// <summary>Stores with a little host memory in front of their paths, and what tests ask of them.</summary>
internal static class HostTierStores
{
    /// <summary>What host memory holds at most.</summary>
    public static ByteSize Budget => ByteSize.FromMiB(1);

    /// <summary>Stripes of 64 KiB.</summary>
    public static StoreOptions Options(IReadOnlyList<string> paths, HostMemoryMode mode = HostMemoryMode.WriteBack) => new()
    {
        Paths = paths,
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(1),
        QueueDepth = 8,
        HostMemory = new HostMemoryOptions { Budget = Budget, Mode = mode },
    };

    /// <summary>A tensor's bytes as the store has them.</summary>
    public static async Task<byte[]> Read(TensorStore store, StoredCopy copy)
    {
        using var found = new UnmanagedBytes((int)copy.Bytes);
        await store.ReadAsync(copy, found.Address);
        return found.Span.ToArray();
    }

    /// <summary>Until the spills under way have ended.</summary>
    public static async Task Spilled(TensorStore store)
    {
        while (store.TransfersInFlight > 0)
            await Task.Yield();
    }
}
