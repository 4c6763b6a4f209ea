using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// Decides where stripes go: each tensor's stripes evenly over the paths, for the sum of their bandwidths, and ties to the path
/// with the fewest allocated bytes. Owns the extents of all paths. Thread-safe.
/// </summary>
internal sealed class StripePlacement(IReadOnlyList<StorePath> paths, long stripeBytes, long segmentBytes, bool mayGrow)
{
    // Held across preallocation, which only Reserve and relocation wait for: no transfer that is under way takes it.
    private readonly Lock _lock = new();

    /// <summary>Preallocates the whole capacity, even shares, what a disk lacks on the others.</summary>
    /// <exception cref="StorageFullException">The disks together have too little room.</exception>
    public void Preallocate(long capacityBytes)
    {
        long remaining = capacityBytes / StoreOptions.BlockBytes * StoreOptions.BlockBytes;
        var byRoom = paths.OrderBy(static path => path.File.FreeBytes).ToList();
        for (int i = 0; i < byRoom.Count; i++)
        {
            long fair = ExtentAllocator.RoundUp((remaining + byRoom.Count - i - 1) / (byRoom.Count - i));
            long room = byRoom[i].File.FreeBytes / StoreOptions.BlockBytes * StoreOptions.BlockBytes;
            long share = long.Min(remaining, i == byRoom.Count - 1 ? remaining : long.Min(fair, room));
            if (share == 0)
                continue;
            var status = byRoom[i].Grow(share, out var reason);
            if (status != TransferStatus.Ok)
                throw GrowthFailure(byRoom[i], share, status, reason);
            remaining -= share;
        }
    }

    /// <summary>Extents for a tensor of <paramref name="bytes"/>.</summary>
    /// <exception cref="StorageFullException">There is no room; nothing stays allocated.</exception>
    public Stripe[] Reserve(long tensorId, long bytes)
    {
        var stripes = new List<Stripe>(checked((int)(bytes / stripeBytes) + 1));
        Span<long> share = paths.Count <= 64 ? stackalloc long[paths.Count] : new long[paths.Count];
        share.Clear();
        lock (_lock)
        {
            for (long placed = 0; placed < bytes; placed += stripes[^1].Length)
            {
                long wanted = long.Min(stripeBytes, bytes - placed);
                if (TryPlace(wanted, share, except: -1, out var stripe, out var failure) || TryPlaceFragment(wanted, out stripe))
                {
                    share[stripe.PathIndex] += stripe.Length;
                    stripes.Add(stripe);
                    continue;
                }
                foreach (var taken in stripes)
                    paths[taken.PathIndex].Free(taken.Offset);
                throw NoRoom(tensorId, bytes, failure);
            }
        }
        return [.. stripes];
    }

    /// <summary>Gives all extents back, except those known to be bad.</summary>
    public void Release(ReadOnlySpan<Stripe> stripes)
    {
        lock (_lock)
        {
            foreach (ref readonly var stripe in stripes)
            {
                if (stripe.IsBad)
                    paths[stripe.PathIndex].Quarantine(stripe.Length);
                else
                    paths[stripe.PathIndex].Free(stripe.Offset);
            }
        }
    }

    /// <summary>Moves a stripe whose extent takes no writes, if there is room: to another path if there is one, else on its own.</summary>
    public bool TryRelocate(ref Stripe stripe)
    {
        Span<long> share = paths.Count <= 64 ? stackalloc long[paths.Count] : new long[paths.Count];
        share.Clear();
        lock (_lock)
        {
            if (!TryPlace(stripe.Length, share, except: stripe.PathIndex, out var other, out _)
                && !TryPlace(stripe.Length, share, except: -1, out other, out _))
                return false;
            paths[stripe.PathIndex].Quarantine(stripe.Length);
            paths[stripe.PathIndex].CountRelocation();
            stripe = other;
            return true;
        }
    }

    public StoreStatistics Snapshot()
    {
        lock (_lock)
            return new StoreStatistics([.. paths.Select(static path => path.Snapshot())]);
    }

    private bool TryPlace(long length, ReadOnlySpan<long> share, int except, out Stripe stripe, out TeraIOException? failure)
    {
        failure = null;
        Span<bool> tried = paths.Count <= 64 ? stackalloc bool[paths.Count] : new bool[paths.Count];
        tried.Clear();
        if (except >= 0)
            tried[except] = true;
        while (TryPickLeastLoaded(share, tried, out int index))
        {
            tried[index] = true;
            long extent = ExtentAllocator.RoundUp(length);
            if (paths[index].TryAllocate(extent, out long offset)
                || (mayGrow && TryGrow(paths[index], extent, ref failure) && paths[index].TryAllocate(extent, out offset)))
            {
                stripe = new Stripe { PathIndex = index, Offset = offset, Length = length };
                return true;
            }
        }
        stripe = default;
        return false;
    }

    private bool TryPickLeastLoaded(ReadOnlySpan<long> share, ReadOnlySpan<bool> tried, out int index)
    {
        index = -1;
        for (int i = 0; i < paths.Count; i++)
        {
            if (!tried[i] && (index < 0 || (share[i], paths[i].AllocatedBytes).CompareTo((share[index], paths[index].AllocatedBytes)) < 0))
                index = i;
        }
        return index >= 0;
    }

    /// <summary>When no free range holds a whole stripe, the longest one takes a part of it: free bytes are never out of reach.</summary>
    private bool TryPlaceFragment(long wanted, out Stripe stripe)
    {
        int index = 0;
        for (int i = 1; i < paths.Count; i++)
        {
            if (paths[i].LargestFree > paths[index].LargestFree)
                index = i;
        }
        stripe = new Stripe { PathIndex = index, Length = long.Min(wanted, paths[index].LargestFree) };
        return stripe.Length > 0 && paths[index].TryAllocate(ExtentAllocator.RoundUp(stripe.Length), out stripe.Offset);
    }

    /// <summary>By a segment; where the disk has no room for one, by what is needed now.</summary>
    private bool TryGrow(StorePath path, long needed, ref TeraIOException? failure)
    {
        long segment = long.Max(segmentBytes, needed);
        if (path.Grow(segment, out _) == TransferStatus.Ok)
            return true;
        var status = path.Grow(needed, out var reason);
        if (status == TransferStatus.Ok)
            return true;
        failure ??= GrowthFailure(path, needed, status, reason);
        return false;
    }

    private static TeraIOException GrowthFailure(StorePath path, long bytes, TransferStatus status, string? reason)
    {
        var what = $"The store file {path.File.Path} cannot grow by {new ByteSize(bytes)}: {reason ?? status.ToString()}.";
        return status == TransferStatus.Full
            ? new StorageFullException($"{what} Free space on that disk, or add a path to StoreOptions.Paths.") { Path = path.Path, Length = bytes }
            : new StorageException($"{what} Check the disk and the kernel log, or choose another path.") { Path = path.Path, Length = bytes };
    }

    private StorageFullException NoRoom(long tensorId, long bytes, TeraIOException? cause)
    {
        var allocated = new ByteSize(paths.Sum(static path => path.AllocatedBytes));
        var what = $"The store has no room for {new ByteSize(bytes)} of tensor {tensorId}; {allocated} are in use on {string.Join(", ", paths.Select(static path => path.Path))}.";
        var remedy = mayGrow
            ? cause?.Message ?? "Free disk space or add a path to StoreOptions.Paths."
            : "Raise StoreOptions.Capacity.";
        return new StorageFullException($"{what} {remedy}", cause) { Path = cause?.Path, Length = bytes, TensorId = tensorId };
    }
}
