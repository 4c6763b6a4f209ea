namespace TeraIO.Core.Runtime;

/// <summary>
/// The memory side of a migration: takes the bytes of a live storage away and gives memory back, in place. Addresses are native pointers, so it
/// stays inside the product. Implemented over libtorch by TeraIO.Torch. Thread-safe for different storages.
/// </summary>
internal interface IStorageMemory
{
    /// <summary>Live tensor bytes as the allocator counts them.</summary>
    long LiveBytes { get; }

    /// <summary>
    /// Where the bytes or the tombstone of a live storage are. An event may name an address that a move on another thread has made
    /// history since; while moves are locked out this is the true one.
    /// </summary>
    nint AddressOf(nint storage);

    /// <summary>Frees the bytes of a storage; access to its data fails until it is opened again.</summary>
    /// <returns>Address of the tombstone that stands for it.</returns>
    nint Release(nint storage);

    /// <summary>Allocates the bytes again, uninitialised, not yet accessible. 4096-byte aligned.</summary>
    /// <param name="storage">A released storage.</param>
    /// <param name="address">Where the bytes are.</param>
    /// <returns>False, with nothing changed, when live bytes would pass the budget.</returns>
    bool TryRestore(nint storage, out nint address);

    /// <summary>Makes a restored storage accessible.</summary>
    void Open(nint storage);

    /// <summary>Makes the data of a live storage inaccessible and leaves its memory where it is; its size may be below what can move.</summary>
    void Close(nint storage);

    /// <summary>Frees memory whose free event was answered with "keep".</summary>
    void FreeKept(nint address);
}
