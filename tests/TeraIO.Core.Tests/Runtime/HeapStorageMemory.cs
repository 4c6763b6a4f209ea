using System.Runtime.InteropServices;
using TeraIO.Core.Runtime;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>
/// Test double for libtorch's memory: storages are numbers, their bytes lie on the native heap, and the engine is asked for room and told of births and deaths the
/// way the observer does it.
/// </summary>
internal sealed unsafe class HeapStorageMemory : IStorageMemory, IDisposable
{
    private const int TombstoneBytes = 64;
    private readonly Dictionary<nint, (nint Address, int Bytes, bool Released, bool Open)> _storages = [];
    private readonly Dictionary<nint, int> _kept = [];
    private nint _nextStorage = 1;
    private long _live;

    public OnDemandEngine Engine { get; set; } = null!;

    public long Budget { get; set; } = long.MaxValue;

    public long LiveBytes => _live;

    public long PeakBytes { get; private set; }

    public int KeptBlocks => _kept.Count;

    /// <summary>Allocates inside or outside an op; the storage becomes known at the next op that has it as an operand.</summary>
    public nint Create(int bytes, bool insideOp = true)
    {
        if (_live + bytes > Budget && Engine.MakeRoom(bytes) is { } failure) throw failure;
        nint address = Allocate(bytes);
        _storages.Add(_nextStorage, (address, bytes, false, true));
        Engine.Allocated(address, bytes, insideOp);
        return _nextStorage++;
    }

    public StorageOperand Operand(nint storage, bool written = false)
    {
        var entry = _storages[storage];
        return new StorageOperand(storage, entry.Address, entry.Bytes, written, IsMovable: true);
    }

    public Span<byte> Bytes(nint storage)
    {
        var entry = _storages[storage];
        return entry.Open && !entry.Released
            ? new Span<byte>((void*)entry.Address, entry.Bytes)
            : throw new InvalidOperationException($"storage {storage} was touched while its bytes are away");
    }

    public bool IsInMemory(nint storage) => !_storages[storage].Released;

    public void Destroy(nint storage)
    {
        _storages.Remove(storage, out var entry);
        if (Engine.Freeing(entry.Address)) _kept.Add(entry.Address, entry.Bytes);
        else Free(entry.Address, entry.Released ? TombstoneBytes : entry.Bytes);
    }

    public nint Release(nint storage)
    {
        var entry = _storages[storage];
        Free(entry.Address, entry.Bytes);
        nint tombstone = Allocate(TombstoneBytes, countsForPeak: false);
        _storages[storage] = (tombstone, entry.Bytes, true, false);
        return tombstone;
    }

    public bool TryRestore(nint storage, out nint address)
    {
        var entry = _storages[storage];
        address = 0;
        if (_live + entry.Bytes > Budget) return false;
        Free(entry.Address, TombstoneBytes);
        address = Allocate(entry.Bytes);
        _storages[storage] = (address, entry.Bytes, false, false);
        return true;
    }

    public void Open(nint storage) => _storages[storage] = _storages[storage] with { Open = true };

    public void FreeKept(nint address)
    {
        if (!_kept.Remove(address, out int bytes)) throw new InvalidOperationException("freed a block that nobody kept");
        Free(address, bytes);
    }

    public void Dispose()
    {
        foreach (var entry in _storages.Values) NativeMemory.AlignedFree((void*)entry.Address);
        _storages.Clear();
    }

    private nint Allocate(int bytes, bool countsForPeak = true)
    {
        _live += bytes;
        if (countsForPeak) PeakBytes = Math.Max(PeakBytes, _live);
        var address = (nint)NativeMemory.AlignedAlloc((nuint)(bytes + 4095) / 4096 * 4096, 4096);
        new Span<byte>((void*)address, bytes).Fill(0xCD);
        return address;
    }

    private void Free(nint address, int bytes)
    {
        _live -= bytes;
        NativeMemory.AlignedFree((void*)address);
    }
}
