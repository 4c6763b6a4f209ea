using System.Runtime.InteropServices;
using TeraIO.Core.Runtime;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>
/// Test double for libtorch's memory: storages are numbers, their bytes lie on the native heap, and the engine is asked for room and told of births and deaths the
/// way the observer does it.
/// </summary>
internal unsafe class HeapStorageMemory : IStorageMemory, IDisposable
{
    private const int TombstoneBytes = 64;
    private readonly Dictionary<nint, (nint Address, int Bytes, bool Released, bool Open)> _storages = [];
    private readonly Dictionary<nint, int> _kept = [];
    private readonly Lock _lock = new(); // transfers end on threads of their own
    private nint _nextStorage = 1;
    private long _live;

    public OnDemandEngine Engine { get; set; } = null!;

    public long Budget { get; set; } = long.MaxValue;

    public long LiveBytes => Interlocked.Read(ref _live);

    public long PeakBytes { get; private set; }

    /// <summary>Called when a storage is to be given its bytes again, before it is.</summary>
    public Action Restoring { get; set; } = static () => { };

    public int KeptBlocks => _kept.Count;

    /// <summary>Allocates inside or outside an op; the storage becomes known at the next op that has it as an operand.</summary>
    public nint Create(int bytes, bool insideOp = true)
    {
        nint address;
        while (!TryAllocate(bytes, out address))
        {
            if (Engine.MakeRoom(bytes) is { } failure) throw failure;
        }

        nint storage;
        lock (_lock)
        {
            storage = _nextStorage++;
            _storages.Add(storage, (address, bytes, false, true));
        }

        Engine.Allocated(address, bytes, insideOp);
        return storage;
    }

    public StorageOperand Operand(nint storage, bool written = false)
    {
        var entry = Entry(storage);
        return new StorageOperand(storage, entry.Address, entry.Bytes, written, IsMovable: true);
    }

    public Span<byte> Bytes(nint storage)
    {
        var entry = Entry(storage);
        return entry.Open && !entry.Released
            ? View(entry.Address, entry.Bytes)
            : throw new InvalidOperationException($"storage {storage} was touched while its bytes are away");
    }

    public bool IsInMemory(nint storage) => !Entry(storage).Released;

    public void Destroy(nint storage)
    {
        // As in libtorch, the engine's lock orders a death against a release or restore of the same storage.
        lock (Engine.State.Sync)
        {
            (nint Address, int Bytes, bool Released, bool Open) entry;
            lock (_lock) _storages.Remove(storage, out entry);
            if (Engine.Freeing(entry.Address))
            {
                lock (_lock) _kept.Add(entry.Address, entry.Bytes);
            }
            else
            {
                Free(entry.Address, entry.Released ? TombstoneBytes : entry.Bytes);
            }
        }
    }

    public nint AddressOf(nint storage) => Entry(storage).Address;

    public nint Release(nint storage)
    {
        var entry = Entry(storage);
        Free(entry.Address, entry.Bytes);
        nint tombstone = AllocateBytes(TombstoneBytes);
        Interlocked.Add(ref _live, TombstoneBytes);
        lock (_lock) _storages[storage] = (tombstone, entry.Bytes, true, false);
        return tombstone;
    }

    public bool TryRestore(nint storage, out nint address)
    {
        Restoring();
        var entry = Entry(storage);
        if (!TryAllocate(entry.Bytes, out address)) return false;
        Free(entry.Address, TombstoneBytes);
        lock (_lock) _storages[storage] = (address, entry.Bytes, false, false);
        return true;
    }

    public void Open(nint storage)
    {
        lock (_lock) _storages[storage] = _storages[storage] with { Open = true };
    }

    public void Close(nint storage)
    {
        lock (_lock) _storages[storage] = _storages[storage] with { Open = false };
    }

    public void FreeKept(nint address)
    {
        int bytes;
        lock (_lock)
        {
            if (!_kept.Remove(address, out bytes)) throw new InvalidOperationException("freed a block that nobody kept");
        }

        Free(address, bytes);
    }

    public void Dispose()
    {
        foreach (var entry in _storages.Values) FreeBytes(entry.Address, entry.Released ? TombstoneBytes : entry.Bytes);
        _storages.Clear();
    }

    /// <summary>The bytes behind an address, for ops.</summary>
    public virtual Span<byte> View(nint address, int bytes) => new((void*)address, bytes);

    protected virtual nint AllocateBytes(int bytes)
    {
        var address = (nint)NativeMemory.AlignedAlloc((nuint)(bytes + 4095) / 4096 * 4096, 4096);
        new Span<byte>((void*)address, bytes).Fill(0xCD);
        return address;
    }

    protected virtual void FreeBytes(nint address, int bytes) => NativeMemory.AlignedFree((void*)address);

    private (nint Address, int Bytes, bool Released, bool Open) Entry(nint storage)
    {
        lock (_lock) return _storages[storage];
    }

    private bool TryAllocate(int bytes, out nint address)
    {
        lock (_lock)
        {
            address = 0;
            if (_live + bytes > Budget) return false;
            PeakBytes = Math.Max(PeakBytes, Interlocked.Add(ref _live, bytes));
        }

        address = AllocateBytes(bytes);
        return true;
    }

    private void Free(nint address, int bytes)
    {
        Interlocked.Add(ref _live, -bytes);
        FreeBytes(address, bytes);
    }
}
