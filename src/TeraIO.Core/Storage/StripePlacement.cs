using System.Diagnostics;
using TeraIO.Core.Tiers;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// Decides where stripes go: over the paths in proportion to what each is worth now (<see cref="PathWeights"/>), decided anew on every write, so that what is
/// rewritten leaves a path that has become slower. Owns the extents and limits of all paths. Thread-safe.
/// </summary>
internal sealed class StripePlacement
{
    private readonly IReadOnlyList<StorePath> _paths;
    private readonly long _stripeBytes;
    private readonly long _segmentBytes;
    private readonly bool _mayGrow;
    private readonly PathWeights _weights;
    private readonly PathShares _shares;
    private readonly double[] _newWeights;
    private readonly bool[] _tried;

    // Held across preallocation, which only Reserve, the begin of a write and relocation wait for: no transfer that is under way takes it.
    private readonly Lock _lock = new();

    public StripePlacement(IReadOnlyList<StorePath> paths, StoreOptions options)
    {
        _paths = paths;
        _stripeBytes = options.StripeSize.Bytes;
        _segmentBytes = options.SegmentSize.Bytes;
        _mayGrow = options.Capacity is null;
        _weights = new PathWeights(paths, options.FixedShares, probes: !options.MovesDeviceMemory);
        _shares = new PathShares(paths.Count, _stripeBytes);
        _newWeights = new double[paths.Count];
        _tried = new bool[paths.Count];
    }

    /// <summary>Preallocates the whole capacity, even shares, what a disk lacks on the others.</summary>
    /// <exception cref="StorageFullException">The disks together have too little room.</exception>
    public void Preallocate(long capacityBytes)
    {
        long remaining = ExtentAllocator.RoundDown(capacityBytes);
        var byRoom = _paths.OrderBy(RoomOf).ToList();
        for (int i = 0; i < byRoom.Count; i++)
        {
            long fair = ExtentAllocator.RoundUp((remaining + byRoom.Count - i - 1) / (byRoom.Count - i));
            long share = long.Min(remaining, i == byRoom.Count - 1 ? remaining : long.Min(fair, RoomOf(byRoom[i])));
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
        var stripes = new List<Stripe>(checked((int)(bytes / _stripeBytes) + 1));
        lock (_lock)
        {
            Refresh();
            for (long placed = 0; placed < bytes; placed += stripes[^1].Length)
            {
                long wanted = long.Min(_stripeBytes, bytes - placed);
                TeraIOException? failure = null;
                if (TryPlace(wanted, except: -1, Candidates.All, charges: false, out var stripe, ref failure) || TryPlaceFragment(wanted, out stripe))
                {
                    stripes.Add(stripe);
                    continue;
                }
                foreach (var taken in stripes)
                    _paths[taken.PathIndex].Free(taken.Offset);
                throw NoRoom(tensorId, bytes, failure);
            }
        }
        return [.. stripes];
    }

    /// <summary>
    /// Places the stripes of a tensor that is about to be written as a whole: each stays unless its path has more than its share, fails or takes no more writes.
    /// Counts the writes against the paths' limits.
    /// </summary>
    /// <returns>Null, or why it cannot be written; the stripes then have room as before.</returns>
    public StorageFullException? BeginWrite(long tensorId, Span<Stripe> stripes)
    {
        lock (_lock)
        {
            Refresh();
            for (int i = 0; i < stripes.Length; i++)
            {
                if (TryBeginWrite(ref stripes[i]))
                    continue;
                foreach (ref readonly var charged in stripes[..i])
                    _paths[charged.PathIndex].RefundWrite(charged.Length);
                return NoMoreWrites(tensorId);
            }
        }
        return null;
    }

    /// <summary>Gives all extents back, except those known to be bad.</summary>
    public void Release(ReadOnlySpan<Stripe> stripes)
    {
        lock (_lock)
        {
            foreach (ref readonly var stripe in stripes)
            {
                if (stripe.IsBad)
                    _paths[stripe.PathIndex].Quarantine(stripe.Length);
                else
                    _paths[stripe.PathIndex].Free(stripe.Offset);
            }
        }
    }

    /// <summary>Moves a stripe whose extent takes no writes, if there is room: to another path if one is open, else anywhere.</summary>
    /// <param name="stripe">Gets its new place.</param>
    /// <param name="attemptsLeft">How often it may go to its own path again or to one that is not open; counted down.</param>
    public bool TryRelocate(ref Stripe stripe, ref int attemptsLeft)
    {
        TeraIOException? ignored = null;
        lock (_lock)
        {
            Refresh();
            if (!TryPlace(stripe.Length, except: stripe.PathIndex, Candidates.Open, charges: true, out var other, ref ignored))
            {
                if (attemptsLeft <= 0 || !TryPlace(stripe.Length, except: -1, Candidates.All, charges: true, out other, ref ignored))
                    return false;
                attemptsLeft--;
            }
            LeaveBadExtent(stripe);
            _paths[stripe.PathIndex].CountRelocation();
            stripe.MoveTo(other);
            return true;
        }
    }

    public StoreStatistics Snapshot()
    {
        long now = Stopwatch.GetTimestamp();
        lock (_lock)
            return new StoreStatistics([.. _paths.Select((path, i) => path.Snapshot(now, _shares[i]))]);
    }

    private enum Candidates
    {
        /// <summary>Paths that are to get a share.</summary>
        Open,

        /// <summary>Those first, then whatever else may have room.</summary>
        All,
    }

    private static long RoomOf(StorePath path) => long.Min(ExtentAllocator.RoundDown(path.File.FreeBytes), path.GrowthLeft);

    private void Refresh()
    {
        if (_paths.Count == 1)
            return;
        _weights.Update(Stopwatch.GetTimestamp(), _newWeights);
        _shares.Set(_newWeights);
    }

    private bool TryBeginWrite(ref Stripe stripe)
    {
        int from = stripe.PathIndex;
        TeraIOException? ignored = null;
        if (!stripe.IsBad && _shares.MayStay(from, stripe.Length) && _paths[from].TryChargeWrite(stripe.Length))
        {
            _shares.Take(from, stripe.Length);
            return true;
        }
        if (TryPlace(stripe.Length, except: from, Candidates.Open, charges: true, out var other, ref ignored))
        {
            _paths[from].CountMove();
        }
        else if (!stripe.IsBad && _paths[from].TryChargeWrite(stripe.Length))
        {
            // No other path has room: it stays where it is.
            _shares.Take(from, stripe.Length);
            return true;
        }
        else if (!TryPlace(stripe.Length, except: -1, Candidates.All, charges: true, out other, ref ignored))
        {
            return false;
        }
        if (stripe.IsBad)
            LeaveBadExtent(stripe);
        else
            _paths[from].Free(stripe.Offset);
        stripe.MoveTo(other);
        return true;
    }

    /// <summary>An extent of a path that fails altogether is not to blame: it serves again when the path has recovered.</summary>
    private void LeaveBadExtent(in Stripe stripe)
    {
        var path = _paths[stripe.PathIndex];
        if (path.State == PathState.Failing)
            path.Free(stripe.Offset);
        else
            path.Quarantine(stripe.Length);
    }

    private bool TryPlace(long length, int except, Candidates candidates, bool charges, out Stripe stripe, ref TeraIOException? failure)
    {
        Array.Clear(_tried);
        if (except >= 0)
            _tried[except] = true;
        while (TryPick(length, candidates, out int index))
        {
            _tried[index] = true;
            if (!TryAllocate(_paths[index], ExtentAllocator.RoundUp(length), charges, out long offset, ref failure))
                continue;
            _shares.Take(index, length);
            stripe = new Stripe { PathIndex = index, Offset = offset, Length = length };
            return true;
        }
        stripe = default;
        return false;
    }

    private bool TryAllocate(StorePath path, long extent, bool charges, out long offset, ref TeraIOException? failure)
    {
        offset = 0;
        if (path.IsWornOut)
            return false;
        if (!path.TryAllocate(extent, out offset)
            && !(_mayGrow && TryGrow(path, extent, ref failure) && path.TryAllocate(extent, out offset)))
            return false;
        if (!charges || path.TryChargeWrite(extent))
            return true;
        path.Free(offset);
        return false;
    }

    /// <summary>The path not tried yet that is owed most bytes; those without a share last.</summary>
    private bool TryPick(long length, Candidates candidates, out int index)
    {
        index = -1;
        for (int i = 0; i < _paths.Count; i++)
        {
            if (!_tried[i] && (candidates == Candidates.All || TakesShare(i)) && (index < 0 || IsBetter(i, index, length)))
                index = i;
        }
        return index >= 0;
    }

    /// <summary>Where every path fails, shares are equal and none is open: relocation must come to an end.</summary>
    private bool TakesShare(int i) => _shares[i] > 0 && _paths[i].State == PathState.Open;

    private bool IsBetter(int i, int other, long length)
    {
        bool hasShare = TakesShare(i);
        if (hasShare != TakesShare(other))
            return hasShare;
        if (!hasShare && _paths[i].State != _paths[other].State)
            return _paths[i].State < _paths[other].State;
        double difference = _shares.Owed(i, length) - _shares.Owed(other, length);
        return difference > 0 || (difference == 0 && _paths[i].AllocatedBytes < _paths[other].AllocatedBytes);
    }

    /// <summary>When no free range holds a whole stripe, the longest one takes a part of it: free bytes are never out of reach.</summary>
    private bool TryPlaceFragment(long wanted, out Stripe stripe)
    {
        int index = 0;
        for (int i = 1; i < _paths.Count; i++)
        {
            if (_paths[index].IsWornOut || (!_paths[i].IsWornOut && _paths[i].LargestFree > _paths[index].LargestFree))
                index = i;
        }
        stripe = new Stripe { PathIndex = index, Length = long.Min(wanted, _paths[index].LargestFree) };
        return !_paths[index].IsWornOut && stripe.Length > 0 && _paths[index].TryAllocate(ExtentAllocator.RoundUp(stripe.Length), out stripe.Offset);
    }

    /// <summary>By a segment; where the disk has no room for one, by what is needed now.</summary>
    private bool TryGrow(StorePath path, long needed, ref TeraIOException? failure)
    {
        long segment = long.Max(long.Min(_segmentBytes, path.GrowthLeft), needed);
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
        var allocated = new ByteSize(_paths.Sum(static path => path.AllocatedBytes));
        var what = $"The store has no room for {new ByteSize(bytes)} of tensor {tensorId}; {allocated} are in use on {string.Join(", ", _paths.Select(static path => path.Path))}.";
        var remedy = _mayGrow
            ? cause?.Message ?? "Free disk space or add a path to StoreOptions.Paths."
            : "Raise StoreOptions.Capacity.";
        if (_paths.Any(static path => path.IsWornOut))
            remedy += " Paths whose PathOptions.WriteLimit is used up take no new tensors.";
        return new StorageFullException($"{what} {remedy}", cause) { Path = cause?.Path, Length = bytes, TensorId = tensorId };
    }

    private StorageFullException NoMoreWrites(long tensorId)
    {
        var limits = _paths.Where(static path => path.IsWornOut).Select(static path => path.Path);
        return new StorageFullException(
            $"Tensor {tensorId} cannot be written: the write limit of {string.Join(", ", limits)} is used up, and no other path has room. The tensor is unchanged in memory. "
            + "Raise PathOptions.WriteLimit or add a path to StoreOptions.Paths.")
        { TensorId = tensorId };
    }
}
