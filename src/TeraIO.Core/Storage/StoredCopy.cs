using TeraIO.Core.Tiers;

namespace TeraIO.Core.Storage;

/// <summary>
/// One tensor's place in a <see cref="TensorStore"/>, and what is known of the bytes there. Obtained from
/// <see cref="TensorStore.Reserve"/>, given back with <see cref="TensorStore.Release"/>. Reusable: each write goes to the
/// same extents under a new generation.
/// </summary>
/// <remarks>Properties may be read from any thread. Either one write or any number of reads may be in flight at a time.</remarks>
public sealed class StoredCopy
{
    private const int Idle = 0;
    private const int Writing = -1;
    private const int Released = int.MinValue;

    // Idle, Writing, Released, or the number of reads in flight.
    private int _activity;
    private volatile bool _isValid;
    private uint _generation;

    internal StoredCopy(TensorStore store, long tensorId, long bytes, Stripe[] stripes)
    {
        Store = store;
        TensorId = tensorId;
        Bytes = bytes;
        Stripes = stripes;
    }

    /// <summary>The caller's number for the tensor; appears in errors and is mixed into the checksums.</summary>
    public long TensorId { get; }

    /// <summary>Size of the tensor in bytes, without padding.</summary>
    public long Bytes { get; }

    /// <summary>Number of writes begun so far.</summary>
    public uint Generation => Volatile.Read(ref _generation);

    /// <summary>
    /// Whether the store holds a complete write of <see cref="Generation"/>. <see langword="false"/> before the first
    /// write, during one, and after one that failed or was canceled, and where the store dropped bytes that their owner no longer needs from it.
    /// </summary>
    public bool IsValid => _isValid;

    internal TensorStore Store { get; }

    internal Stripe[] Stripes { get; }

    /// <summary>Its place in host memory; null: it has none. Guarded by the host tier, as are the next two.</summary>
    internal HostCopy? Host { get; set; }

    /// <summary>The paths have the bytes of <see cref="Generation"/>.</summary>
    internal bool PathsAreCurrent { get; set; }

    /// <summary>Memory has the bytes of <see cref="Generation"/>, or newer ones.</summary>
    internal bool IsSpare { get; set; }

    /// <summary>A measurement's, not a program's: the tier's statistics leave it out.</summary>
    internal bool IsProbe { get; set; }

    internal void BeginWrite()
    {
        int found = Interlocked.CompareExchange(ref _activity, Writing, Idle);
        if (found != Idle)
            throw Occupied(found, "written");
        _isValid = false;
        Volatile.Write(ref _generation, _generation + 1);
    }

    internal void EndWrite(bool complete)
    {
        _isValid = complete;
        Volatile.Write(ref _activity, Idle);
    }

    /// <summary>The store dropped the bytes, which nobody needs from it.</summary>
    internal void Invalidate() => _isValid = false;

    internal void BeginRead()
    {
        int seen = Volatile.Read(ref _activity);
        while (true)
        {
            if (seen < Idle)
                throw Occupied(seen, "read");
            int found = Interlocked.CompareExchange(ref _activity, seen + 1, seen);
            if (found == seen)
                break;
            seen = found;
        }
        if (_isValid)
            return;
        EndRead();
        throw new InvalidOperationException(
            $"Tensor {TensorId} has no complete copy in the store (generation {Generation}): write it before reading it back.");
    }

    internal void EndRead() => Interlocked.Decrement(ref _activity);

    internal void MarkReleased()
    {
        int found = Interlocked.CompareExchange(ref _activity, Released, Idle);
        if (found != Idle)
            throw Occupied(found, "released");
        _isValid = false;
    }

    private InvalidOperationException Occupied(int activity, string verb) => new(activity switch
    {
        Released => $"The stored copy of tensor {TensorId} cannot be {verb}: it was released. Reserve a new one.",
        Writing => $"The stored copy of tensor {TensorId} cannot be {verb} while a write of it is in flight. Await the write first.",
        _ => $"The stored copy of tensor {TensorId} cannot be {verb} while {activity} read(s) of it are in flight. Await them first.",
    });
}
