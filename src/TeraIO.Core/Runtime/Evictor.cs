using System.Runtime.InteropServices;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Runtime;

/// <summary>
/// Makes room under the budget: the least recently used idle blocks leave memory, several writes in flight at once. A block whose
/// bytes the store already holds is dropped without a write - after comparing checksums, because code that writes through
/// raw pointers is invisible to the observer and must not lose its update.
/// </summary>
internal sealed class Evictor(EngineState state)
{
    private readonly record struct StartedOffload(Offload Offload, OrderedTransfer Write);

    /// <summary>
    /// Returns when <paramref name="needed"/> more bytes fit under the budget. Blocks the caller while it writes.
    /// </summary>
    /// <returns>Null, or why there is no room; everything that could leave has left then, and all bytes are intact.</returns>
    public TeraIOException? MakeRoom(long needed)
    {
        lock (state.Sync)
        {
            state.RoomWanted += needed;
            state.OpTimes?.WaitBegan();
        }

        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        long before = state.Stalls.TicksOfOp;
        try
        {
            return TryMakeRoom(needed);
        }
        finally
        {
            lock (state.Sync)
            {
                state.OpTimes?.WaitEnded();
                state.RoomWanted -= needed;
                state.Migrator?.RoomChanged();
            }

            // Choosing and checksums hold the op up as well.
            state.Stalls.AddRest(start, before, StallCause.NoRoom);
        }
    }

    private TeraIOException? TryMakeRoom(long needed)
    {
        TeraIOException? failure = null;
        HashSet<TensorBlock>? stuck = null;
        List<Offload>? round = null;
        while (true)
        {
            round ??= [];
            round.Clear();
            lock (state.Sync)
            {
                state.NoteWorkingSet(needed);
                long shortfall = Shortfall(needed);
                if (shortfall <= 0) return null;
                if (state.Stopped is { } stopped) return stopped;
                // What is on its way out already counts as gone: waiting for it is cheaper than sending more after it.
                Choose(shortfall - state.OffloadingBytes, stuck, round, ref failure);
                if (round.Count == 0)
                {
                    if (state.OffloadsInFlight == 0 && state.PrefetchesInFlight == 0 && state.StreamReads is not { InFlight: > 0 }) return failure ?? OutOfRoom(needed);
                    state.WaitForNews(StallCause.NoRoom); // writes under way will free memory, reads become idle
                    continue;
                }
            }

            Run(round, ref stuck, ref failure);
        }
    }

    /// <summary>Starts every write of a round before it waits for the first. Not under the lock.</summary>
    private void Run(List<Offload> round, ref HashSet<TensorBlock>? stuck, ref TeraIOException? failure)
    {
        var started = new List<StartedOffload>(round.Count);
        foreach (Offload offload in round) started.Add(new StartedOffload(offload, StartWrite(offload)));
        foreach (StartedOffload offload in CollectionsMarshal.AsSpan(started))
        {
            if (Complete(offload.Offload, offload.Write) is not { } writeFailure) continue;
            failure ??= writeFailure;
            (stuck ??= []).Add(offload.Offload.Block);
        }
    }

    private OrderedTransfer StartWrite(Offload offload) => offload.IsCleanCandidate ? OrderedTransfer.None : state.BeginWrite(offload, continuesInline: false);

    private long Shortfall(long needed) => state.Budget == long.MaxValue ? 0 : state.Memory.LiveBytes + needed - state.Budget;

    /// <summary>Takes idle blocks, those best spared first, until their sizes cover the shortfall.</summary>
    private void Choose(long shortfall, HashSet<TensorBlock>? stuck, List<Offload> round, ref TeraIOException? failure)
    {
        if (shortfall <= 0) return;
        if (state.Preference is { IsKnown: true } preference)
        {
            foreach (TensorBlock spared in ByPreference(preference))
            {
                if (shortfall <= 0) return;
                if (stuck?.Contains(spared) != true && TryTake(spared, round, ref failure)) shortfall -= spared.Bytes;
            }

            return;
        }

        TensorBlock? block = state.Idle.First;
        while (block is not null && shortfall > 0)
        {
            TensorBlock? following = block.Following;
            if (stuck?.Contains(block) != true && TryTake(block, round, ref failure)) shortfall -= block.Bytes;
            block = following;
        }
    }

    /// <summary>Farthest next use first; among equals a clean block, which costs no write.</summary>
    private List<TensorBlock> ByPreference(IEvictionPreference preference)
    {
        var keyed = new List<(long Distance, bool IsClean, TensorBlock Block)>();
        for (TensorBlock? block = state.Idle.First; block is not null; block = block.Following)
        {
            keyed.Add((preference.DistanceToNextUse(block), block.CopyIsCurrent, block));
        }

        keyed.Sort(static (a, b) => a.Distance != b.Distance ? b.Distance.CompareTo(a.Distance) : b.IsClean.CompareTo(a.IsClean));
        return keyed.ConvertAll(static k => k.Block);
    }

    private bool TryTake(TensorBlock block, List<Offload> round, ref TeraIOException? failure)
    {
        TensorStore store = state.Store ?? throw new InvalidOperationException("A budget is set but there is no store.");
        try
        {
            block.Copy ??= store.Reserve(block.Id, block.Bytes);
        }
        catch (StorageFullException full)
        {
            failure ??= full;
            return false;
        }

        round.Add(state.BeginOffload(block));
        return true;
    }

    /// <summary>Waits for one offload and releases the memory, unless the block was needed, changed or freed meanwhile.</summary>
    private TeraIOException? Complete(Offload offload, OrderedTransfer write)
    {
        TensorBlock block = offload.Block;
        TeraIOException? failure = null;
        bool written = !offload.IsCleanCandidate;
        try
        {
            if (offload.IsCleanCandidate && !state.Store!.Matches(block.Copy!, block.Address))
            {
                written = true;
                write = state.BeginWrite(offload, continuesInline: false);
            }

            state.WaitStalled(write.Task, StallCause.NoRoom);
        }
        catch (TeraIOException e)
        {
            failure = e;
        }

        state.EndTransfer(write, block, failure);
        lock (state.Sync)
        {
            state.EndOffload(offload, written, failure is not null);
            Monitor.PulseAll(state.Sync);
        }

        return failure;
    }

    private BudgetExceededException OutOfRoom(long needed)
    {
        OpFrame frame = OpFrame.Of(state);
        var smallest = new ByteSize(state.Memory.LiveBytes + needed);
        IEnumerable<string> largest = state.Blocks.Values
            .Where(b => b.IsInMemory && !b.IsListed)
            .OrderByDescending(b => b.Bytes)
            .Take(5)
            .Select(b => b.ToString());
        string tensors = string.Join(", ", largest) is { Length: > 0 } list ? $" In use: {list}." : "";
        return new BudgetExceededException(
            $"The memory budget of {new ByteSize(state.Budget)} is too small for {frame.OpName}: it needs {new ByteSize(needed)} more while "
            + $"{new ByteSize(state.Memory.LiveBytes)} cannot leave memory.{tensors} Raise the budget to at least {smallest} "
            + "(the smallest that gets past this op), or lower batch size or sequence length.",
            frame.OpName,
            smallest);
    }
}
