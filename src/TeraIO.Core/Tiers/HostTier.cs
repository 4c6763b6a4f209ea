using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tiers;

/// <summary>
/// Host memory in front of a store's paths: which copies have a place there, which of them the paths have too, and who leaves when room is needed. Decides only;
/// bytes move in <see cref="TieredTransfers"/>. Thread-safe.
/// </summary>
/// <remarks>
/// A write never waits for a spill: it takes what is free or can be dropped, and goes to the paths when that is not enough. Spills run ahead of need instead, so that an eighth
/// of the budget is free or droppable most of the time.
/// </remarks>
internal sealed class HostTier : IDisposable
{
    private const int ReserveFraction = 8;

    private readonly Lock _lock = new();
    private readonly HostMemoryRegion _region;
    private readonly ExtentAllocator _extents = new();
    private static readonly Comparer<HostCopy> _byKey = Comparer<HostCopy>.Create(static (a, b) => a.Key.CompareTo(b.Key));

    // A key changes only while its copy is in neither.
    private readonly SortedSet<HostCopy> _droppable = new(_byKey);
    private readonly SortedSet<HostCopy> _dirty = new(_byKey);
    private readonly HashSet<HostCopy> _spilling = [];
    private readonly ILogger _logger;
    private readonly long _reserve;
    private long _droppableBytes;
    private long _droppableUnplannedBytes;
    private long _spillingBytes;
    private long _unplannedBytes;
    private long _plannedShare;
    private long _clock;
    private long _peak;
    private long _bytesIn;
    private long _bytesOut;
    private long _hits;
    private long _misses;
    private long _bypasses;
    private long _spills;
    private long _bytesSpilled;
    private long _failedSpills;
    private long _drops;
    private string? _lastSpillFailure;
    private bool _isClosing;

    /// <param name="options">Validated.</param>
    /// <param name="decorate">For fault injection: wraps the backend.</param>
    /// <param name="logger">Told of failed spills.</param>
    /// <exception cref="ConfigurationException">There is not so much memory.</exception>
    public HostTier(HostMemoryOptions options, Func<ITransferBackend, ITransferBackend> decorate, ILogger logger)
    {
        Mode = options.Mode;
        _logger = logger;
        long bytes = ExtentAllocator.RoundDown(options.Budget.Bytes);
        _region = new HostMemoryRegion(bytes, logger);
        ITransferBackend backend = decorate(new HostMemoryBackend(_region));
        File = backend.CreateFile("host memory");
        Engine = new TransferEngine(backend, "host memory", TransferLimits.ForQueueDepth(32), logger);
        _extents.GrowTo(bytes);
        _reserve = bytes / ReserveFraction;
    }

    public HostMemoryMode Mode { get; }

    public TransferEngine Engine { get; }

    public TransferFile File { get; }

    /// <summary>Address of the bytes at an offset of a <see cref="HostCopy"/>.</summary>
    public nint AddressOf(long offset) => _region.Address + (nint)offset;

    /// <summary>Sets so much aside for what plans put here: other writes leave it alone.</summary>
    public void SetPlannedShare(long bytes)
    {
        lock (_lock) _plannedShare = bytes;
    }

    /// <summary>The copy is about to be written, and no other write or read of it is in flight: what was stored is history.</summary>
    /// <param name="copy">Which.</param>
    /// <param name="hint">What the writer knows.</param>
    /// <param name="host">Its place, in use until <see cref="EndWrite"/>; null: it goes to the paths.</param>
    /// <param name="spill">What has to end first: it still reads the place and writes the extents.</param>
    /// <returns>False: nothing has begun, because of <paramref name="spill"/>.</returns>
    /// <remarks>One step, so that no spill of the copy can begin in between.</remarks>
    public bool TryBeginWrite(StoredCopy copy, WriteHint hint, out HostCopy? host, [NotNullWhen(false)] out HostSpill? spill)
    {
        lock (_lock)
        {
            host = null;
            spill = copy.Host?.Spill;
            if (spill is not null) return false;
            copy.PathsAreCurrent = false;
            copy.IsSpare = false;
            host = copy.Host;
            long bytes = host?.Bytes ?? PaddedBytes(copy);
            if (host is not null)
            {
                Debug.Assert(host.Users == 0, "a copy is written alone");
                Unlist(host);
            }

            if (MayHold(bytes, hint, held: host))
            {
                host ??= TryPlace(copy, bytes, hint);
            }
            else if (host is not null)
            {
                Free(host);
                host = null;
            }

            if (host is null)
            {
                if (!copy.IsProbe) _bypasses++;
                return true;
            }

            SetPlanned(host, hint.Target == WriteTarget.Host);
            host.NextUse = hint.NextUse;
            host.HasFailedSpill = false;
            host.Users++;
            return true;
        }
    }

    /// <summary>A write to host memory ended; a failed one gives the place back.</summary>
    public void EndWrite(HostCopy host, bool complete)
    {
        lock (_lock)
        {
            host.Users--;
            if (complete && !host.Copy.IsProbe) _bytesIn += host.Copy.Bytes;
            if (complete) List(host);
            else Free(host);
        }
    }

    /// <summary>The paths have the bytes of the copy's last write.</summary>
    public void NotePathsAreCurrent(StoredCopy copy)
    {
        lock (_lock) copy.PathsAreCurrent = true;
    }

    /// <summary>A read begins.</summary>
    /// <returns>The place of the bytes in host memory, in use until <see cref="EndRead"/>; null: they are read from the paths.</returns>
    /// <exception cref="InvalidOperationException">The copy is not valid, was released, or a write of it is in flight.</exception>
    public HostCopy? BeginRead(StoredCopy copy)
    {
        lock (_lock)
        {
            // Under this lock, because a spare copy may be dropped at any other moment.
            copy.BeginRead();
            if (copy.Host is not { } host)
            {
                if (!copy.IsProbe) _misses++;
                return null;
            }

            if (!copy.IsProbe) _hits++;
            Unlist(host);
            host.Users++;
            return host;
        }
    }

    /// <summary>A read from host memory ended.</summary>
    /// <param name="host">From <see cref="BeginRead"/>.</param>
    /// <param name="complete">Its bytes have arrived.</param>
    /// <param name="isBad">Host memory does not have the bytes that were written there, but the paths do: it is given up.</param>
    public void EndRead(HostCopy host, bool complete, bool isBad)
    {
        lock (_lock)
        {
            host.Users--;
            if (complete && !host.Copy.IsProbe) _bytesOut += host.Copy.Bytes;
            if (isBad && host.Users == 0) Free(host);
            else List(host);
        }
    }

    /// <summary>Whether the paths have the bytes of the copy's last write.</summary>
    public bool PathsHave(StoredCopy copy)
    {
        lock (_lock) return copy.PathsAreCurrent;
    }

    /// <summary>Memory has the bytes of the copy, or newer ones: it may be dropped without I/O and is then not valid any more, until <see cref="Claim"/>.</summary>
    public void MarkSpare(StoredCopy copy) => SetSpare(copy, true);

    /// <summary>The bytes are needed here: memory is about to lose them.</summary>
    /// <returns>Whether the copy is still valid.</returns>
    public bool Claim(StoredCopy copy)
    {
        SetSpare(copy, false);
        return copy.IsValid;
    }

    /// <summary>The copy was released. Its place in host memory goes now, or when its spill ends.</summary>
    /// <returns>The spill to cancel, which then frees the extents on the paths as well; null: the caller frees them.</returns>
    public HostSpill? Release(StoredCopy copy)
    {
        lock (_lock)
        {
            if (copy.Host is not { } host) return null;
            if (host.Spill is { } spill)
            {
                spill.FreesCopy = true;
                return spill;
            }

            Unlist(host);
            Free(host);
            return null;
        }
    }

    /// <summary>The next copy to spill, until enough is free or can be dropped; <see cref="EndSpill"/> follows.</summary>
    public HostCopy? BeginSpill()
    {
        lock (_lock)
        {
            if (_isClosing || _dirty.Count == 0 || _extents.FreeBytes + _droppableBytes + _spillingBytes >= _reserve) return null;
            HostCopy host = _dirty.Min!;
            Unlist(host);
            host.Users++;
            host.Spill = new HostSpill();
            _spilling.Add(host);
            _spillingBytes += host.Bytes;
            return host;
        }
    }

    /// <summary>A spill ended.</summary>
    /// <param name="host">From <see cref="BeginSpill"/>.</param>
    /// <param name="complete">The paths have the bytes.</param>
    /// <param name="failure">Why not; null after a cancel.</param>
    /// <returns>Whether the copy was released meanwhile: its extents on the paths are to be freed.</returns>
    public bool EndSpill(HostCopy host, bool complete, TeraIOException? failure)
    {
        bool freesCopy;
        lock (_lock)
        {
            freesCopy = host.Spill!.FreesCopy;
            host.Spill = null;
            host.Users--;
            _spilling.Remove(host);
            _spillingBytes -= host.Bytes;
            if (complete)
            {
                _spills++;
                _bytesSpilled += host.Copy.Bytes;
                host.Copy.PathsAreCurrent = true;
            }
            else if (failure is not null)
            {
                _failedSpills++;
                _lastSpillFailure = failure.Message;
                host.HasFailedSpill = true;
            }

            if (freesCopy) Free(host);
            else List(host);
        }

        if (failure is not null) _logger.LogWarning("A tensor stays in host memory, because the paths do not take it: {Reason}", failure.Message);
        return freesCopy;
    }

    /// <summary>No spill begins from here on. The caller cancels those under way and waits for them.</summary>
    public IReadOnlyList<HostSpill> Close()
    {
        lock (_lock)
        {
            _isClosing = true;
            return [.. _spilling.Select(static host => host.Spill!)];
        }
    }

    public HostTierStatistics Snapshot()
    {
        lock (_lock)
        {
            return new HostTierStatistics
            {
                Budget = new ByteSize(_region.Bytes),
                Mode = Mode,
                IsPinned = _region.IsPinned,
                Resident = new ByteSize(_extents.AllocatedBytes),
                Peak = new ByteSize(_peak),
                BytesIn = new ByteSize(_bytesIn),
                BytesOut = new ByteSize(_bytesOut),
                Hits = _hits,
                Misses = _misses,
                Bypasses = _bypasses,
                Spills = _spills,
                BytesSpilled = new ByteSize(_bytesSpilled),
                FailedSpills = _failedSpills,
                LastSpillFailure = _lastSpillFailure,
                Drops = _drops,
            };
        }
    }

    /// <summary>Every transfer has ended.</summary>
    public void Dispose()
    {
        Engine.Dispose();
        File.Dispose();
        _region.Dispose();
    }

    private static long PaddedBytes(StoredCopy copy)
    {
        long bytes = 0;
        foreach (ref readonly Stripe stripe in copy.Stripes.AsSpan()) bytes += ExtentAllocator.RoundUp(stripe.Length);
        return bytes;
    }

    /// <summary>
    /// Whether a copy of this size may be here at all: what a plan did not send leaves the plans' share alone, but for what can be dropped at any time.
    /// </summary>
    private bool MayHold(long bytes, WriteHint hint, HostCopy? held)
    {
        if (bytes == 0 || bytes > _extents.Capacity || hint.Target == WriteTarget.Paths) return false;
        long others = _unplannedBytes - _droppableUnplannedBytes - (held is { IsPlanned: false } ? held.Bytes : 0);
        return hint.Target == WriteTarget.Host || others + bytes <= _extents.Capacity - _plannedShare;
    }

    private HostCopy? TryPlace(StoredCopy copy, long bytes, WriteHint hint)
    {
        if (!TryDropFor(bytes, hint)) return null;
        var offsets = new long[copy.Stripes.Length];
        for (int i = 0; i < offsets.Length; i++)
        {
            long length = ExtentAllocator.RoundUp(copy.Stripes[i].Length);
            // Enough is free, but perhaps not in one piece.
            while (!_extents.TryAllocate(length, out offsets[i]))
            {
                if (TryDropOne(hint)) continue;
                foreach (long taken in offsets.AsSpan(0, i)) _extents.Free(taken);
                return null;
            }
        }

        if (!copy.IsProbe) _peak = Math.Max(_peak, _extents.AllocatedBytes);
        _unplannedBytes += bytes;
        return copy.Host = new HostCopy(copy, offsets, bytes);
    }

    /// <summary>Drops what costs no I/O until so many bytes are free; drops nothing when that cannot be.</summary>
    private bool TryDropFor(long bytes, WriteHint hint)
    {
        if (_extents.FreeBytes + _droppableBytes < bytes) return false;
        while (_extents.FreeBytes < bytes)
        {
            if (!TryDropOne(hint)) return false;
        }

        return true;
    }

    private bool TryDropOne(WriteHint hint)
    {
        if (_droppable.Min is not { } host) return false;
        // What is needed sooner is worth more here than what comes.
        if (hint.Target != WriteTarget.Host && host.Key.Cost == HostEvictionCost.Clean && host.NextUse < hint.NextUse) return false;
        Unlist(host);
        if (!host.Copy.PathsAreCurrent) host.Copy.Invalidate();
        Free(host);
        _drops++;
        return true;
    }

    private void SetSpare(StoredCopy copy, bool isSpare)
    {
        lock (_lock)
        {
            copy.IsSpare = isSpare;
            if (copy.Host is not { Users: 0 } host) return;
            Unlist(host);
            List(host);
        }
    }

    private void SetPlanned(HostCopy host, bool isPlanned)
    {
        if (host.IsPlanned == isPlanned) return;
        host.IsPlanned = isPlanned;
        _unplannedBytes += isPlanned ? -host.Bytes : host.Bytes;
    }

    /// <summary>Makes a copy that nobody uses a candidate for eviction, at its place in the order.</summary>
    private void List(HostCopy host)
    {
        if (host.Users > 0) return;
        HostEvictionCost cost = host.Copy.IsSpare ? HostEvictionCost.Spare
            : host.Copy.PathsAreCurrent ? HostEvictionCost.Clean
            : host.HasFailedSpill ? HostEvictionCost.Refused : HostEvictionCost.Dirty;
        host.Key = new HostEvictionKey(cost, host.NextUse, ++_clock);
        if (cost > HostEvictionCost.Clean)
        {
            _dirty.Add(host);
            return;
        }

        _droppable.Add(host);
        CountDroppable(host, host.Bytes);
    }

    private void Unlist(HostCopy host)
    {
        if (_droppable.Remove(host)) CountDroppable(host, -host.Bytes);
        else _dirty.Remove(host);
    }

    private void CountDroppable(HostCopy host, long bytes)
    {
        _droppableBytes += bytes;
        if (!host.IsPlanned) _droppableUnplannedBytes += bytes;
    }

    private void Free(HostCopy host)
    {
        foreach (long offset in host.Offsets) _extents.Free(offset);
        if (!host.IsPlanned) _unplannedBytes -= host.Bytes;
        host.Copy.Host = null;
    }
}
