using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>
/// What the parts of the engine share. Every member but the immutable ones is guarded by <see cref="Sync"/>, which is never held across I/O;
/// threads that wait for a block to change state wait on it.
/// </summary>
internal sealed class EngineState : IDisposable
{
    private TeraIOException? _stopped;
    private long _nextId;
    private long _smallestBudget;
    private string? _largestWorkingSetOp;

    /// <inheritdoc cref="OnDemandEngine(IStorageMemory, TensorStore, long, KernelOrder)"/>
    public EngineState(IStorageMemory memory, TensorStore? store, long budget, KernelOrder? kernels = null)
    {
        Memory = memory;
        Store = store;
        Budget = budget;
        Kernels = kernels;
        if (kernels is { ReadWaits: ReadWaits.InStream }) StreamReads = new StreamReads(this, kernels);
    }

    public object Sync { get; } = new();

    public IStorageMemory Memory { get; }

    public TensorStore? Store { get; }

    /// <summary>Orders transfers against kernels; null where an op is done when it ends. Thread-safe by itself; not owned.</summary>
    public KernelOrder? Kernels { get; }

    /// <summary>Times ops on the device while a step is profiled there; null where ops run on the host.</summary>
    public DeviceOpTimes? OpTimes { get; set; }

    /// <summary>
    /// Why nothing leaves memory any more: what the transfers rely on does not hold, or a kernel failed. Null: all is well. What is away still comes back, which harms nobody, unless memory is <see cref="Spoilt"/>.
    /// </summary>
    public TeraIOException? Stopped => Spoilt ?? _stopped;

    /// <summary>Why nothing that is in memory may be used any more: kernels may have computed it from bytes that never came. Null: all is well.</summary>
    public TeraIOException? Spoilt { get; private set; }

    /// <summary>Reads that the stream waits for; null where the host waits.</summary>
    public StreamReads? StreamReads { get; }

    /// <summary>Limit on live bytes; <see cref="long.MaxValue"/> while there is none.</summary>
    public long Budget { get; set; }

    /// <summary>Every known block by the address of its bytes or tombstone.</summary>
    public Dictionary<nint, TensorBlock> Blocks { get; } = [];

    /// <summary>Resident blocks that nothing needs at the moment.</summary>
    public LruList Idle { get; } = new();

    /// <summary>Who leaves first when room is needed; null: the least recently used.</summary>
    public IEvictionPreference? Preference { get; set; }

    /// <summary>Carries out transfers ahead of time; null: everything is on demand.</summary>
    public Migrator? Migrator { get; set; }

    /// <summary>Time that ops and allocations waited. Thread-safe by itself.</summary>
    public StallLedger Stalls { get; } = new();

    /// <summary>Blocks whose write is under way.</summary>
    public int OffloadsInFlight { get; private set; }

    /// <summary>Their bytes: they leave memory soon.</summary>
    public long OffloadingBytes { get; private set; }

    /// <summary>Blocks that the migrator reads.</summary>
    public int PrefetchesInFlight { get; set; }

    /// <summary>Their bytes: nobody needs them yet.</summary>
    public long PrefetchingBytes { get; set; }

    /// <summary>Bytes of known blocks that are in memory.</summary>
    public long InMemoryBytes { get; private set; }

    /// <summary>Room that a waiting thread is making: prefetches leave it alone.</summary>
    public long RoomWanted { get; set; }

    /// <summary>What the running op will still allocate, as far as the plan knows: prefetches leave it alone.</summary>
    public long RoomForOp { get; set; }

    /// <summary>Those of <see cref="StreamReads"/>' waits whose time the device's clock took, and the time.</summary>
    public long TimedStreamWaits { get; set; }

    /// <inheritdoc cref="TimedStreamWaits"/>
    public TimeSpan StreamWaitTime { get; set; }

    public long BytesRead { get; set; }

    public long BytesWritten { get; set; }

    public long BytesDroppedClean { get; set; }

    public long Offloads { get; set; }

    public long Prefetches { get; set; }

    public TensorBlock AddBlock(nint address, long bytes)
    {
        InMemoryBytes += bytes;
        return Blocks[address] = new TensorBlock(_nextId++, address, bytes);
    }

    /// <summary>Takes a block that is being freed out of the table.</summary>
    public TensorBlock? RemoveBlock(nint address)
    {
        if (!Blocks.Remove(address, out TensorBlock? block)) return null;
        if (block.State != ResidencyState.Offloaded) InMemoryBytes -= block.Bytes;
        Idle.Remove(block);
        return block;
    }

    public void Pin(TensorBlock block)
    {
        if (block.Pins++ == 0) Idle.Remove(block);
        if (block.State == ResidencyState.Offloading) block.WasUsedWhileLeaving = true;
    }

    public void Unpin(TensorBlock block)
    {
        block.Pins--;
        ListIfIdle(block);
    }

    /// <summary>Makes a block a candidate for offloading when it is one.</summary>
    public void ListIfIdle(TensorBlock block)
    {
        if (block is { Pins: 0, Storage: not 0, State: ResidencyState.Resident, StaysResident: false }) Idle.Add(block);
    }

    /// <summary>An idle block is chosen to leave memory; <see cref="EndOffload"/> follows.</summary>
    /// <param name="block">Which.</param>
    /// <param name="target">The tier that a plan names.</param>
    public Offload BeginOffload(TensorBlock block, WriteTarget target = WriteTarget.Any)
    {
        Idle.Remove(block);
        block.Apply(ResidencyEvent.OffloadStarted);
        OffloadsInFlight++;
        OffloadingBytes += block.Bytes;
        block.WasUsedWhileLeaving = false;
        // What cannot be compared is written again: an operator that changes more than its schema says must not lose its update.
        bool isClean = block.CopyIsCurrent && Store!.ComparesMemory;
        UnchangedCheck? check = isClean && Store!.ComparesOnDevice ? new UnchangedCheck() : null;
        return new Offload(block, block.Version, isClean && check is null, new WriteHint(target, Preference?.NextUse(block) ?? long.MaxValue), check);
    }

    /// <summary>The write of a block ended, or turned out not to be needed: its memory goes, unless it was needed, changed or freed meanwhile.</summary>
    /// <param name="offload">Its block is in state Offloading, or dead.</param>
    /// <param name="written">There was a write, unless <see cref="Offload.Check"/> found that none was needed.</param>
    /// <param name="failed">It did not succeed.</param>
    public void EndOffload(Offload offload, bool written, bool failed)
    {
        TensorBlock block = offload.Block;
        written &= offload.Check is not { FoundSame: true };
        OffloadsInFlight--;
        OffloadingBytes -= block.Bytes;
        if (written && !failed) BytesWritten += block.Bytes;
        bool wantedBack = block.IsWantedBack;
        block.IsWantedBack = false;
        if (block.State == ResidencyState.Dead)
        {
            if (block.MemoryIsKept) Memory.FreeKept(block.Address);
            if (block.Copy is not null) Store!.Release(block.Copy);
            return;
        }

        bool wasUsed = block.WasUsedWhileLeaving;
        block.WasUsedWhileLeaving = false;
        // Kernels that a failed read let go may have computed what was written. A kernel that was launched during the write may change what it is not said to change, and a device's checksum is taken when
        // the write has ended: it could be that of newer bytes than the copy's.
        bool isTrusted = !failed && StreamReads is not { HasFailed: true } && !(wasUsed && Store!.ComparesOnDevice);
        block.CopyVersion = isTrusted ? offload.Version : -1;
        if (block.Pins > 0 || wantedBack || wasUsed || !block.CopyIsCurrent || Stopped is not null)
        {
            block.Apply(ResidencyEvent.OffloadAbandoned);
            if (block.Copy is not null) Store!.MarkSpare(block.Copy);
            ListIfIdle(block);
            return;
        }

        // On a device it goes back to the caching allocator, which gives it to allocations of the same stream only: what the stream holds comes before their kernels, and a read into the memory comes after a
        // fence that is recorded behind it.
        InMemoryBytes -= block.Bytes;
        Rekey(block, Memory.Release(block.Storage));
        block.Apply(ResidencyEvent.OffloadCompleted);
        Offloads++;
        if (!written) BytesDroppedClean += block.Bytes;
    }

    /// <summary>Gives an offloaded block its memory back, if there is room; its bytes are to be read next.</summary>
    public bool TryBeginPrefetch(TensorBlock block, out nint address)
    {
        if (!Memory.TryRestore(block.Storage, out address)) return false;
        InMemoryBytes += block.Bytes;
        Rekey(block, address);
        block.Apply(ResidencyEvent.PrefetchStarted);
        return true;
    }

    /// <summary>
    /// The one place where reads end, whoever began them, and after which their bytes may be looked at. One that failed has brought nothing; if the stream waited for it, kernels ran without, and memory is spoilt.
    /// </summary>
    /// <param name="transfer">It was awaited.</param>
    /// <param name="block">What was read; in state Prefetching or Arriving, or dead.</param>
    /// <param name="failure">What it ended with; null: it succeeded.</param>
    public void EndRead(OrderedTransfer transfer, TensorBlock block, TeraIOException? failure)
    {
        EndTransfer(transfer, block, failure);
        if (transfer.Read is { } read) StreamReads!.End(read, failure is null ? null : Stopped as KernelFailedException ?? failure);
        EndPrefetch(block, failure is not null);
    }

    private void EndPrefetch(TensorBlock block, bool failed)
    {
        WriteTarget? leavesFor = block.LeavesWhenRead;
        block.LeavesWhenRead = null;
        if (block.State == ResidencyState.Dead)
        {
            if (block.MemoryIsKept) Memory.FreeKept(block.Address);
            Store!.Release(block.Copy!);
            return;
        }

        if (block.State == ResidencyState.Arriving && failed)
        {
            // It stays where it is, closed: ops may have taken its address.
            block.Apply(ResidencyEvent.PrefetchFailed);
            return;
        }

        if (block.State != ResidencyState.Arriving && (failed || Spoilt is null)) Memory.Open(block.Storage);
        if (failed)
        {
            // What was read is not the tensor: nobody may ever see it.
            InMemoryBytes -= block.Bytes;
            Rekey(block, Memory.Release(block.Storage));
            block.Apply(ResidencyEvent.PrefetchFailed);
            return;
        }

        block.Apply(ResidencyEvent.PrefetchCompleted);
        Store!.MarkSpare(block.Copy!);
        BytesRead += block.Bytes;
        Prefetches++;
        ListIfIdle(block);
        if (leavesFor is { } target) Migrator?.RequestOffload(block, target);
    }

    /// <summary>Begins the write of a block that is on its way out, or on a device the comparison that may make it needless, after the kernels that were launched so far: those that computed its bytes are among them.</summary>
    public OrderedTransfer BeginWrite(Offload offload, bool continuesInline) => Begin(
        (State: this, Offload: offload, Inline: continuesInline),
        static _ => null,
        static (call, fences) => call.Offload.Check is { } check
            ? call.State.Store!.WriteUnlessSame(call.Offload.Block.Copy!, call.Offload.Block.Address, check, TransferPriority.Normal, call.Offload.Hint, fences)
            : call.State.Store!.Write(call.Offload.Block.Copy!, call.Offload.Block.Address, TransferPriority.Normal, call.Inline, call.Offload.Hint, fences));

    /// <summary>
    /// Begins the read of a block that has been given memory, after the kernels that were launched so far: the caching allocator may have given it memory that they still use.
    /// </summary>
    /// <remarks>
    /// Where the stream may be made to wait for it, all reads have one priority: one that comes after kernels behind that wait would hold a place in the store's queue, in front of the read that they wait for.
    /// </remarks>
    public OrderedTransfer BeginRead(TensorBlock block, nint address, TransferPriority priority, bool continuesInline) => Begin(
        (State: this, Block: block, Address: address, Priority: priority, Inline: continuesInline),
        static call => call.State.StreamReads?.Arm(call.Block, isOnDemand: call.Priority == TransferPriority.Urgent),
        static (call, fences) => call.State.Store!.Read(
            call.Block.Copy!, call.Address, call.State.StreamReads is null ? call.Priority : TransferPriority.Urgent, call.Inline, fences));

    /// <summary>A transfer has ended; of reads <see cref="EndRead"/> tells. Where it failed because kernels did, the engine stops.</summary>
    /// <inheritdoc cref="EndRead" path="/param"/>
    public void EndTransfer(OrderedTransfer transfer, TensorBlock block, TeraIOException? failure)
    {
        if (transfer.After is not { } fence) return;
        bool kernelsFailed = failure is not null && fence.State == FenceState.Failed;
        Kernels!.Return(fence);
        if (!kernelsFailed) return;
        Stop(new KernelFailedException(
            $"A kernel failed on the GPU before {block} could be moved. What the step has computed since must not be used, and CUDA runs nothing more in this process: start again from the last checkpoint. "
            + $"CUDA_LAUNCH_BLOCKING=1 shows which op it was. ({failure!.Message})",
            failure));
    }

    /// <summary>From now on nothing leaves memory. The first reason counts.</summary>
    public void Stop(TeraIOException reason)
    {
        lock (Sync)
        {
            _stopped ??= reason;
            Monitor.PulseAll(Sync);
        }
    }

    /// <summary>From now on nothing that is in memory may be used: all storages that are known are closed, and ops that have them fail. Under <see cref="Sync"/>.</summary>
    public void Spoil(TeraIOException reason)
    {
        if (Spoilt is not null) return;
        Spoilt = reason;
        foreach (TensorBlock block in Blocks.Values)
        {
            if (block is { Storage: not 0, IsInMemory: true }) Memory.Close(block.Storage);
        }

        Monitor.PulseAll(Sync);
    }

    /// <summary>Notes what cannot leave memory right now, if <paramref name="needed"/> bytes come on top.</summary>
    public void NoteWorkingSet(long needed)
    {
        long floor = Memory.LiveBytes + needed - Idle.Bytes - OffloadingBytes - PrefetchingBytes - (StreamReads?.SpareBytes ?? 0);
        if (floor <= _smallestBudget) return;
        _smallestBudget = floor;
        _largestWorkingSetOp = OpFrame.Of(this).OpName;
    }

    /// <summary>Blocks until the transfer ends, counting the time as a stall; rethrows its failure. Not under <see cref="Sync"/>.</summary>
    public void WaitStalled(ValueTask transfer, StallCause cause)
    {
        if (transfer.IsCompleted)
        {
            transfer.GetAwaiter().GetResult();
            return;
        }

        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        try
        {
            transfer.AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            Stalls.AddSince(start, cause);
        }
    }

    /// <summary>Waits for another thread's news, counting the time as a stall. Under <see cref="Sync"/>, which is released meanwhile.</summary>
    public void WaitForNews(StallCause cause)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        Monitor.Wait(Sync);
        Stalls.AddSince(start, cause);
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
                StallTime = Stalls.Total,
                LatePrefetchTime = Stalls.Of(StallCause.LatePrefetch),
                OnDemandReadTime = Stalls.Of(StallCause.OnDemandRead),
                NoRoomTime = Stalls.Of(StallCause.NoRoom),
                StreamWaits = StreamReads?.Waits ?? 0,
                TimedStreamWaits = TimedStreamWaits,
                StreamWaitTime = StreamWaitTime,
                SmallestBudget = _smallestBudget,
                LargestWorkingSetOp = _largestWorkingSetOp,
            };
        }
    }

    /// <summary>Ends the threads that look at reads; last of all, when nothing calls the engine any more.</summary>
    public void Dispose() => StreamReads?.Dispose();

    private OrderedTransfer Begin<TCall>(TCall call, Func<TCall, AwaitableRead?> arm, Func<TCall, TransferFences, ValueTask> begin)
    {
        TransferFence? after = null;
        AwaitableRead? read = null;
        try
        {
            after = Kernels?.AfterLaunched();
            read = arm(call);
            return new OrderedTransfer(begin(call, new TransferFences(after, read?.Ended)), after, read);
        }
        catch (TeraIOException e)
        {
            // What never began signals nobody.
            read?.Ended.Signal(TransferStatus.Canceled, systemErrno: 0);
            // Whoever began others before this one has to await them as well.
            return new OrderedTransfer(ValueTask.FromException(e), after, read);
        }
        catch
        {
            if (after is not null) Kernels!.Return(after);
            if (read is not null)
            {
                read.Ended.Signal(TransferStatus.Canceled, systemErrno: 0);
                StreamReads!.End(read, failure: null); // no stream waits for it: it was never in the store's queue
            }

            throw;
        }
    }

    /// <summary>Moves a block to another address in the table.</summary>
    private void Rekey(TensorBlock block, nint address)
    {
        Blocks.Remove(block.Address);
        block.Address = address;
        Blocks[address] = block;
    }
}
