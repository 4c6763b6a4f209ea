using System.Runtime.CompilerServices;
using TeraIO.Core.Tiers;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// Writes and reads of a store with a host tier, each made of up to two transfers: to host memory and from there to the paths, or, where host memory does not do it, from
/// or to the paths alone. Also runs the tier's spills.
/// </summary>
internal sealed class TieredTransfers(TensorStore store, HostTier tier)
{
    /// <summary>The copy has begun a write; the store counts a transfer, which this ends.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask Write(StoredCopy copy, nint source, TransferPriority priority, WriteHint hint, bool continuesInline, Deadline? deadline, CancellationToken ct)
    {
        HostCopy? host = null;
        bool isComplete = false;
        try
        {
            while (!tier.TryBeginWrite(copy, hint, out host, out var spill))
            {
                // Of bytes that are history now.
                spill.Cancel();
                await spill.Ended.ConfigureAwait(false);
            }

            if (host is not null)
            {
                try
                {
                    await store.RentTransfer().Run(copy, source, TransferDirection.Write, priority, continuesInline, deadline, ct, TransferRoute.HostMemory, host).ConfigureAwait(false);
                }
                catch (TeraIOException e) when (e is not TransferDeadlineException)
                {
                    // The paths may take them.
                    tier.EndWrite(host, complete: false);
                    host = null;
                }
            }

            if (host is null || tier.Mode == HostMemoryMode.WriteThrough)
            {
                await WriteToPaths(copy, host, source, priority, continuesInline, deadline, ct).ConfigureAwait(false);
                tier.NotePathsAreCurrent(copy);
            }

            isComplete = true;
        }
        finally
        {
            // Valid first: the tier may then drop what memory has as well.
            copy.EndWrite(isComplete);
            if (host is not null) tier.EndWrite(host, isComplete);
            SpillAhead();
            store.EndTransfer();
        }
    }

    /// <summary>The copy has begun a read of <paramref name="host"/>; the store counts a transfer, which this ends.</summary>
    /// <param name="transfer">For the first part.</param>
    /// <param name="host">In use.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="priority">Against other transfers.</param>
    /// <param name="continuesInline">On the completion thread.</param>
    /// <param name="deadline">When it is given up.</param>
    /// <param name="ct">Ends it early.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask Read(
        TensorTransfer transfer, HostCopy host, nint destination, TransferPriority priority, bool continuesInline, Deadline? deadline, CancellationToken ct)
    {
        StoredCopy copy = host.Copy;
        bool isComplete = false;
        bool isBad = false;
        try
        {
            await transfer.Run(copy, destination, TransferDirection.Read, priority, continuesInline, deadline, ct, TransferRoute.HostMemory, host).ConfigureAwait(false);
            isComplete = true;
        }
        catch (TeraIOException e) when (e is not TransferDeadlineException && tier.PathsHave(copy))
        {
            isBad = true;
            await store.RentTransfer().Run(copy, destination, TransferDirection.Read, priority, continuesInline, deadline, ct, TransferRoute.Paths).ConfigureAwait(false);
        }
        finally
        {
            copy.EndRead();
            tier.EndRead(host, isComplete, isBad);
            store.EndTransfer();
        }
    }

    /// <summary>Begins the spills that the tier wants now. Where the paths refuse one at once, the next would fare no better.</summary>
    private void SpillAhead()
    {
        while (tier.BeginSpill() is { } host)
        {
            if (Spill(host) is { IsCompletedSuccessfully: true, Result: false })
                return;
        }
    }

    /// <summary>From the tier where it has the bytes, else from the caller's memory.</summary>
    private ValueTask WriteToPaths(
        StoredCopy copy, HostCopy? host, nint source, TransferPriority priority, bool continuesInline, Deadline? deadline, CancellationToken ct)
    {
        if (store.Placement.BeginWrite(copy.TensorId, copy.Stripes) is { } full)
            return ValueTask.FromException(full);
        return store.RentTransfer().Run(
            copy, source, TransferDirection.Write, priority, continuesInline, deadline, ct, host is null ? TransferRoute.Paths : TransferRoute.Spill, host);
    }

    /// <returns>Whether the paths have the bytes.</returns>
    private async Task<bool> Spill(HostCopy host)
    {
        StoredCopy copy = host.Copy;
        HostSpill spill = host.Spill!;
        TeraIOException? failure = null;
        bool isComplete = false;
        store.CountTransfer();
        try
        {
            await WriteToPaths(copy, host, source: 0, TransferPriority.Background, continuesInline: true, deadline: null, spill.Cancellation).ConfigureAwait(false);
            isComplete = true;
        }
        catch (TeraIOException e)
        {
            failure = e;
        }
        catch (OperationCanceledException)
        {
            // The bytes are not needed on the paths any more.
        }

        if (tier.EndSpill(host, isComplete, failure))
            store.Placement.Release(copy.Stripes);
        spill.End();
        store.EndTransfer();
        return isComplete;
    }
}
