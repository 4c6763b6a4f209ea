using TeraIO.Core.Storage;

namespace TeraIO.Core.Residency;

/// <summary>Where a block was allocated in the op stream. Step 0: before the first recorded step, or outside any.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="Op">Index of the op in the step.</param>
/// <param name="Ordinal">Number of the allocation in the op.</param>
internal readonly record struct BlockBirth(long Step, int Op, int Ordinal);

/// <summary>
/// What the engine knows of one tensor storage. Guarded by the engine's lock; lives from the first sight of the
/// allocation to its free event.
/// </summary>
internal sealed class TensorBlock(long id, nint address, long bytes)
{
    /// <summary>Unique in the session; identifies the tensor in the store and in errors.</summary>
    public long Id { get; } = id;

    /// <summary>Size in bytes while in memory.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>Address of the bytes, or of the tombstone when Offloaded. Keys the engine's table.</summary>
    public nint Address { get; set; } = address;

    /// <summary>The storage that owns the bytes; zero until an op showed it. Only then can the block move.</summary>
    public nint Storage { get; set; }

    /// <summary>Name of the parameter, where the model was registered.</summary>
    public string? Name { get; set; }

    /// <summary>Where the bytes are; changed through <see cref="Apply"/> only.</summary>
    public ResidencyState State { get; private set; }

    /// <summary>Place in the store, kept while the block lives so that a clean block can be dropped without a write.</summary>
    public StoredCopy? Copy { get; set; }

    /// <summary>The store holds exactly the bytes that memory holds (or held when they were released).</summary>
    public bool CopyIsCurrent => CopyVersion == Version;

    /// <summary>The <see cref="Version"/> of the bytes in the store; -1 when it holds none that are whole.</summary>
    public int CopyVersion { get; set; } = -1;

    /// <summary>Advances whenever an op may change the bytes.</summary>
    public int Version { get; private set; }

    /// <summary>Ops and scopes that need the bytes in memory now.</summary>
    public int Pins { get; set; }

    /// <summary>The free event came while a transfer still uses the memory: whoever ends the transfer frees it.</summary>
    public bool MemoryIsKept { get; set; }

    /// <summary>Never offloaded: code reads it without an op.</summary>
    public bool StaysResident { get; set; }

    /// <summary>A prefetch was asked for while its write was under way: it stays in memory when the write ends.</summary>
    public bool IsWantedBack { get; set; }

    /// <summary>The read that is in flight, where streams may wait for it; else null.</summary>
    public AwaitableRead? Read { get; set; }

    /// <summary>An offload was asked for while a stream waits for its read: it leaves when the read has ended. Null: it stays.</summary>
    public WriteTarget? LeavesWhenRead { get; set; }

    /// <summary>
    /// Something needed the bytes while their write was under way: the block stays in memory when the write ends. What needed them may have changed them, whatever its schema says, after the write had read them.
    /// </summary>
    public bool WasUsedWhileLeaving { get; set; }

    /// <summary>Where in the op stream it was allocated; the same for the block that the next equal step allocates there.</summary>
    public BlockBirth Birth { get; set; }

    /// <summary>Its tensor in the program that is being followed, or -1.</summary>
    public int PlanTensor { get; set; } = -1;

    /// <summary>Neighbours in the <see cref="LruList"/>.</summary>
    public TensorBlock? Previous { get; set; }

    /// <inheritdoc cref="Previous"/>
    public TensorBlock? Following { get; set; }

    /// <summary>Whether the block is in the <see cref="LruList"/>.</summary>
    public bool IsListed { get; set; }

    /// <summary>Ops may be launched that need the bytes: they are in memory, whether or not a write is under way, or the device's stream waits for them.</summary>
    public bool IsInMemory => State is ResidencyState.Resident or ResidencyState.Offloading or ResidencyState.Arriving;

    /// <summary>An op may change the bytes: what the store holds is history.</summary>
    public void MarkWritten() => Version++;

    /// <summary>Takes a transition of the state machine.</summary>
    /// <exception cref="InvalidOperationException">It is not in the table.</exception>
    public void Apply(ResidencyEvent residencyEvent) => State = ResidencyTransitions.Next(State, residencyEvent);

    /// <inheritdoc/>
    public override string ToString() => $"{Name ?? $"tensor #{Id}"} ({new ByteSize(Bytes)}{(Storage == 0 ? ", not seen by an op yet" : "")})";
}
