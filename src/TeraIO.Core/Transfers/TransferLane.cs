using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using TeraIO.Core.Tiers;

namespace TeraIO.Core.Transfers;

/// <summary>
/// The queue of one direction, with limits on what is in flight, so that a burst of writes cannot fill the device's queue in
/// front of the read that somebody waits for. Tells the meter what is in flight when. Guarded by the engine's lock.
/// </summary>
internal sealed class TransferLane(long mostBytesInFlight, int mostTransfersInFlight, RateMeter meter)
{
    private readonly PriorityQueue<Transfer, Order> _queue = new();
    private long _nextSequence;

    public long BytesInFlight { get; private set; }

    public int TransfersInFlight { get; private set; }

    public int Queued => _queue.Count;

    public void Enqueue(Transfer transfer)
    {
        transfer.Sequence = _nextSequence++;
        transfer.IsRepeated = false;
        Wait(transfer);
    }

    /// <summary>
    /// A transfer that was in flight is tried again, in its old place and though the lane be full: what fills it may be held for kernels that wait for this one.
    /// </summary>
    public void Repeat(Transfer transfer)
    {
        transfer.IsRepeated = true;
        Wait(transfer);
    }

    /// <summary>What <see cref="TryDequeue"/> would give.</summary>
    public bool TryPeek([NotNullWhen(true)] out Transfer? transfer)
    {
        if (_queue.TryPeek(out transfer, out _) && (transfer.IsRepeated || HasRoom(transfer.Length)))
            return true;
        transfer = null;
        return false;
    }

    /// <summary>The next transfer, now counted as in flight; none while the lane is full. One always fits an empty lane, however long.</summary>
    public bool TryDequeue([NotNullWhen(true)] out Transfer? transfer)
    {
        if (!TryPeek(out transfer))
            return false;
        _queue.Dequeue();
        BytesInFlight += transfer.Length;
        TransfersInFlight++;
        meter.Begin(Stopwatch.GetTimestamp(), transfer.Length);
        return true;
    }

    /// <summary>Takes a queued transfer out.</summary>
    public bool Remove(Transfer transfer) => _queue.Remove(transfer, out _, out _);

    /// <summary>Takes all queued transfers out.</summary>
    public void DrainTo(List<Transfer> transfers)
    {
        while (_queue.TryDequeue(out var transfer, out _))
            transfers.Add(transfer);
    }

    /// <summary>A dequeued transfer has ended; <paramref name="moved"/>: its bytes arrived.</summary>
    public void Release(Transfer transfer, bool moved)
    {
        meter.End(Stopwatch.GetTimestamp(), transfer.Length, moved);
        Uncount(transfer);
    }

    /// <summary>A dequeued transfer was not begun and waits again.</summary>
    public void PutBack(Transfer transfer)
    {
        meter.Withdraw(transfer.Length);
        Uncount(transfer);
        Wait(transfer);
    }

    private void Wait(Transfer transfer) => _queue.Enqueue(transfer, new Order(transfer.Priority, transfer.Deadline, transfer.Sequence));

    private void Uncount(Transfer transfer)
    {
        BytesInFlight -= transfer.Length;
        TransfersInFlight--;
    }

    private bool HasRoom(long length) =>
        TransfersInFlight == 0 || (TransfersInFlight < mostTransfersInFlight && BytesInFlight + length <= mostBytesInFlight);

    /// <summary>Urgency first, then the earlier deadline, then first come first served.</summary>
    private readonly record struct Order(TransferPriority Priority, long Deadline, long Sequence) : IComparable<Order>
    {
        public int CompareTo(Order other)
        {
            int order = ((int)Priority).CompareTo((int)other.Priority);
            if (order == 0)
                order = Deadline.CompareTo(other.Deadline);
            return order != 0 ? order : Sequence.CompareTo(other.Sequence);
        }
    }
}
