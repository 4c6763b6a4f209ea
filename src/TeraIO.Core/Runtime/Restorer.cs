using System.Runtime.InteropServices;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>Brings offloaded blocks back: memory first, then all reads in flight at once, verified before anyone may look.</summary>
internal sealed class Restorer(EngineState state, Evictor evictor)
{
    private readonly record struct Prefetch(TensorBlock Block, OrderedTransfer Read);

    /// <summary>
    /// Makes pinned blocks resident; blocks the caller. Reads begin as soon as each block has its memory, so that they overlap with the writes
    /// that make room for the next one.
    /// </summary>
    /// <returns>Null, or the first failure; blocks that failed stay offloaded and inaccessible.</returns>
    public TeraIOException? BringBack(List<TensorBlock> blocks)
    {
        TeraIOException? failure = null;
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        long before = state.Stalls.TicksOfOp;
        var reads = new List<Prefetch>(blocks.Count);
        lock (state.Sync) state.OpTimes?.WaitBegan();
        foreach (TensorBlock block in blocks)
        {
            failure ??= Begin(block, reads);
        }

        foreach (Prefetch prefetch in CollectionsMarshal.AsSpan(reads))
        {
            failure = Complete(prefetch) ?? failure;
        }

        lock (state.Sync) state.OpTimes?.WaitEnded();
        state.Stalls.AddRest(start, before, reads.Count > 0 ? StallCause.OnDemandRead : StallCause.LatePrefetch);
        return failure;
    }

    private TeraIOException? Begin(TensorBlock block, List<Prefetch> reads)
    {
        while (true)
        {
            lock (state.Sync)
            {
                while (block.State == ResidencyState.Prefetching)
                {
                    if (reads.Exists(read => read.Block == block)) return null; // two operands, one storage
                    state.WaitForNews(StallCause.LatePrefetch); // the migrator or another thread reads it
                }

                if (block.State != ResidencyState.Offloaded) return null;
                try
                {
                    if (state.TryBeginPrefetch(block, out nint address))
                    {
                        reads.Add(new Prefetch(block, state.BeginRead(block, address, TransferPriority.Urgent, continuesInline: false)));
                        return null;
                    }
                }
                catch (TeraIOException e)
                {
                    // The budget has room and the device has not: others use it, or it is in fragments. What was begun is awaited.
                    return e;
                }
            }

            if (evictor.MakeRoom(block.Bytes) is { } noRoom) return noRoom;
        }
    }

    private TeraIOException? Complete(Prefetch prefetch)
    {
        TensorBlock block = prefetch.Block;
        TeraIOException? failure = null;
        try
        {
            state.WaitStalled(prefetch.Read.Task, StallCause.OnDemandRead);
        }
        catch (TeraIOException e)
        {
            failure = e;
        }

        state.EndTransfer(prefetch.Read, block, failure);
        lock (state.Sync)
        {
            state.EndPrefetch(block, failure is not null);
            Monitor.PulseAll(state.Sync);
        }

        return failure;
    }
}
