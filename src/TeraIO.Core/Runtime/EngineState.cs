using System.Diagnostics;
using TeraIO.Core.Residency;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Runtime;

/// <summary>
/// What the parts of the engine share. Every member but the immutable ones is guarded by <see cref="Sync"/>, which is never held across I/O;
/// threads that wait for a block to change state wait on it.
/// </summary>
internal sealed class EngineState(IStorageMemory memory, TensorStore? store, long budget)
{
    private long _nextId;
    private long _offloadingBytes;
    private long _stallTicks;
    private long _smallestBudget;
    private string? _largestWorkingSetOp;

    public object Sync { get; } = new();

    public IStorageMemory Memory { get; } = memory;

    public TensorStore? Store { get; } = store;

    /// <summary>Limit on live bytes; <see cref="long.MaxValue"/> while there is none.</summary>
    public long Budget { get; set; } = budget;

    /// <summary>Every known block by the address of its bytes or tombstone.</summary>
    public Dictionary<nint, TensorBlock> Blocks { get; } = [];

    /// <summary>Resident blocks that nothing needs at the moment.</summary>
    public LruList Idle { get; } = new();

    /// <summary>Blocks whose write is under way.</summary>
    public int OffloadsInFlight { get; private set; }

    public long BytesRead { get; set; }

    public long BytesWritten { get; set; }

    public long BytesDroppedClean { get; set; }

    public long Offloads { get; set; }

    public long Prefetches { get; set; }

    public TensorBlock AddBlock(nint address, long bytes) => Blocks[address] = new TensorBlock(_nextId++, address, bytes);

    public void Pin(TensorBlock block)
    {
        if (block.Pins++ == 0) Idle.Remove(block);
    }

    public void Unpin(TensorBlock block)
    {
        block.Pins--;
        ListIfIdle(block);
    }

    /// <summary>Makes a block a candidate for offloading when it is one.</summary>
    public void ListIfIdle(TensorBlock block)
    {
        if (block is { Pins: 0, Storage: not 0, State: ResidencyState.Resident }) Idle.Add(block);
    }

    public void BeginOffload(TensorBlock block)
    {
        Idle.Remove(block);
        block.Apply(ResidencyEvent.OffloadStarted);
        OffloadsInFlight++;
        _offloadingBytes += block.Bytes;
    }

    public void EndOffload(TensorBlock block)
    {
        OffloadsInFlight--;
        _offloadingBytes -= block.Bytes;
    }

    /// <summary>Moves a block to another address in the table.</summary>
    public void Rekey(TensorBlock block, nint address)
    {
        Blocks.Remove(block.Address);
        block.Address = address;
        Blocks[address] = block;
    }

    /// <summary>Notes what cannot leave memory right now, if <paramref name="needed"/> bytes come on top.</summary>
    public void NoteWorkingSet(long needed)
    {
        long floor = Memory.LiveBytes + needed - Idle.Bytes - _offloadingBytes;
        if (floor <= _smallestBudget) return;
        _smallestBudget = floor;
        _largestWorkingSetOp = OpFrame.Of(this).OpName;
    }

    /// <summary>Blocks until the transfer ends, counting the time as a stall; rethrows its failure. Not under <see cref="Sync"/>.</summary>
    public void WaitStalled(ValueTask transfer)
    {
        if (!transfer.IsCompleted)
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                transfer.AsTask().GetAwaiter().GetResult();
            }
            finally
            {
                Interlocked.Add(ref _stallTicks, Stopwatch.GetElapsedTime(start).Ticks);
            }

            return;
        }

        transfer.GetAwaiter().GetResult();
    }

    public EngineStatistics Snapshot()
    {
        lock (Sync)
        {
            return new EngineStatistics
            {
                BytesRead = BytesRead,
                BytesWritten = BytesWritten,
                BytesDroppedClean = BytesDroppedClean,
                Offloads = Offloads,
                Prefetches = Prefetches,
                StallTime = TimeSpan.FromTicks(Interlocked.Read(ref _stallTicks)),
                SmallestBudget = _smallestBudget,
                LargestWorkingSetOp = _largestWorkingSetOp,
            };
        }
    }
}
