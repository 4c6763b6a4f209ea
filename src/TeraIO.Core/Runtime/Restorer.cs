using System.Runtime.InteropServices;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>
/// Brings offloaded blocks back: memory first, then all reads in flight at once. Then the caller waits until they are there, verified, or the device's stream is made to wait in its place.
/// </summary>
internal sealed class Restorer(EngineState state, Evictor evictor)
{
    private readonly record struct Prefetch(TensorBlock Block, OrderedTransfer Read);

    /// <summary>
    /// Makes pinned blocks resident; blocks the caller. Reads begin as soon as each block has its memory, so that they overlap with the writes
    /// that make room for the next one. What others read already is waited for last: two threads that each wait for the other's read, and have not ended their own, would wait for ever.
    /// </summary>
    /// <returns>Null, or the first failure; blocks that failed stay offloaded and inaccessible.</returns>
    public TeraIOException? BringBack(List<TensorBlock> blocks)
    {
        TeraIOException? failure = null;
        WaitClock clock = WaitBegins();
        var reads = new List<Prefetch>(blocks.Count);
        foreach (TensorBlock block in blocks)
        {
            failure ??= Begin(block, continuesInline: false, read => reads.Add(new Prefetch(block, read)));
        }

        bool hasBegun = reads.Count > 0;
        failure = Complete(reads) ?? failure;
        foreach (TensorBlock block in blocks)
        {
            failure ??= Await(block, reads);
        }

        WaitEnds(clock, hasBegun);
        return failure;
    }

    /// <summary>
    /// As <see cref="BringBack"/>, but it is the device's stream that waits for the reads: what is launched from now on runs when they have ended. What they need room for the caller still waits for.
    /// </summary>
    /// <returns>Null, or the first failure that is known already: nothing must be launched that needs the blocks.</returns>
    public TeraIOException? BringBackInStream(List<TensorBlock> blocks)
    {
        if (state.StreamReads is not { StreamWaits: true } streamReads) return BringBack(blocks);
        TeraIOException? failure = null;
        WaitClock clock = WaitBegins();
        long waits = streamReads.Waits;
        bool hasBegun = false;
        foreach (TensorBlock block in blocks)
        {
            failure ??= BeginFollowed(block, ref hasBegun);
        }

        // Not before all of them have memory: what makes room for one waits for the stream.
        lock (state.Sync) state.OpTimes?.StreamWaitBegan();
        foreach (TensorBlock block in blocks)
        {
            failure ??= LeaveToStream(block, ref hasBegun);
        }

        lock (state.Sync) state.OpTimes?.StreamWaitEnded(streamReads.Waits - waits);
        WaitEnds(clock, hasBegun);
        return failure;
    }

    private readonly record struct WaitClock(long Start, long Before);

    private WaitClock WaitBegins()
    {
        lock (state.Sync) state.OpTimes?.WaitBegan();
        return new WaitClock(System.Diagnostics.Stopwatch.GetTimestamp(), state.Stalls.TicksOfOp);
    }

    private void WaitEnds(WaitClock clock, bool onDemand)
    {
        lock (state.Sync) state.OpTimes?.WaitEnded();
        state.Stalls.AddRest(clock.Start, clock.Before, onDemand ? StallCause.OnDemandRead : StallCause.LatePrefetch);
    }

    /// <summary>Waits for a block that the migrator or another thread reads; reads it here where that failed.</summary>
    private TeraIOException? Await(TensorBlock block, List<Prefetch> reads)
    {
        while (true)
        {
            lock (state.Sync)
            {
                while (block.State is ResidencyState.Prefetching or ResidencyState.Arriving) state.WaitForNews(StallCause.LatePrefetch);
                if (block.State != ResidencyState.Offloaded) return state.Spoilt;
            }

            if (Begin(block, continuesInline: false, read => reads.Add(new Prefetch(block, read))) is { } refusal) return refusal;
            if (Complete(reads) is { } failure) return failure;
        }
    }

    private TeraIOException? BeginFollowed(TensorBlock block, ref bool hasBegun)
    {
        bool begun = false;
        TeraIOException? refusal = null;
        TeraIOException? failure = Begin(block, continuesInline: true, read =>
        {
            begun = true;
            if (read.Read is not null) state.StreamReads!.Follow(read, block);
            else refusal = EndRefused(read, block);
        });
        hasBegun |= begun;
        return failure ?? refusal;
    }

    /// <summary>The driver gave no fence for a read, which ends before it has begun. Under the lock.</summary>
    private TeraIOException EndRefused(OrderedTransfer read, TensorBlock block)
    {
        try
        {
            read.Task.GetAwaiter().GetResult();
            throw new InvalidOperationException("a read that the stream cannot wait for has begun");
        }
        catch (TeraIOException refusal)
        {
            state.EndRead(read, block, refusal);
            Monitor.PulseAll(state.Sync);
            return refusal;
        }
    }

    /// <summary>Gives a block that is away its memory and begins its read; <paramref name="begun"/> gets it, under the lock.</summary>
    private TeraIOException? Begin(TensorBlock block, bool continuesInline, Action<OrderedTransfer> begun)
    {
        while (true)
        {
            lock (state.Sync)
            {
                if (state.Spoilt is { } spoilt) return spoilt;
                if (block.State != ResidencyState.Offloaded) return null;
                try
                {
                    if (state.TryBeginPrefetch(block, out nint address))
                    {
                        begun(state.BeginRead(block, address, TransferPriority.Urgent, continuesInline));
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

    private TeraIOException? LeaveToStream(TensorBlock block, ref bool hasBegun)
    {
        while (true)
        {
            lock (state.Sync)
            {
                if (state.Spoilt is { } spoilt) return spoilt;
                if (block.State == ResidencyState.Prefetching)
                {
                    AwaitableRead? read = block.Read; // null: the driver gave no fence, and its end is about to be seen
                    if (read is not null && state.StreamReads!.TryMakeWait(read)) return null;
                    while (block.State == ResidencyState.Prefetching && block.Read == read)
                        state.WaitForNews(read is { IsOnDemand: true } ? StallCause.OnDemandRead : StallCause.LatePrefetch);
                    if (read is { IsOnDemand: true, Failure: { } failure }) return failure;
                    if (block.State == ResidencyState.Prefetching) continue; // another read by now
                }

                if (block.State != ResidencyState.Offloaded) return null;
            }

            // Its planned prefetch failed: it is read again on demand, where an error surfaces.
            if (BeginFollowed(block, ref hasBegun) is { } again) return again;
        }
    }

    private TeraIOException? Complete(List<Prefetch> reads)
    {
        TeraIOException? failure = null;
        foreach (Prefetch prefetch in CollectionsMarshal.AsSpan(reads))
        {
            failure = Complete(prefetch) ?? failure;
        }

        reads.Clear();
        return failure;
    }

    private TeraIOException? Complete(Prefetch prefetch)
    {
        TeraIOException? failure = null;
        try
        {
            state.WaitStalled(prefetch.Read.Task, StallCause.OnDemandRead);
        }
        catch (TeraIOException e)
        {
            failure = e;
        }

        lock (state.Sync)
        {
            state.EndRead(prefetch.Read, prefetch.Block, failure);
            Monitor.PulseAll(state.Sync);
        }

        return failure;
    }
}
