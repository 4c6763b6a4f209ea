using TeraIO.Core.Interop;

namespace TeraIO.Core.Leases;

/// <summary>
/// One queue of a <see cref="LeaseFile"/>, as one of its members sees it: tickets are numbered in order of issue, ticket t waits for all earlier tickets of slot
/// t mod k, and at most k are held at once. Whoever has a ticket holds its byte exclusively until it leaves, gives up or dies; whoever waits asks the kernel for a shared lock
/// on the bytes of all tickets before its own, and so is woken by the kernel when the last of them has gone.
/// </summary>
/// <remarks>
/// Fairness. Within a slot strictly first come, first served: with one slot nobody is overtaken, and between two leases of a member that asks again at once each
/// other waiting member has exactly one. With k slots and N members (one ticket each), a ticket is overtaken by at most N (k - 1) later ones: of any k tickets issued after it one falls into
/// its own slot, where its owner is stuck behind it. A slot can be free while a ticket waits for another: the price of a single wait in the kernel.
/// A member has one ticket of a queue at a time: the locks of one opening do not exclude each other.
/// </remarks>
internal sealed class LeaseQueue(LeaseFile file, int number)
{
    private const int TicketBits = 48;

    /// <summary>Takes the next ticket. Waits only for those who are taking theirs.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public long Enter() => file.IssueTicket(number, ticket => NativeMethods.OfdLocks.LockExclusive(file.Handle, ByteOf(ticket), 1));

    /// <summary>Blocks in the kernel until every earlier ticket of the same slot has gone.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    /// <exception cref="ObjectDisposedException">The member left meanwhile.</exception>
    public void Wait(long ticket)
    {
        long earlier = ticket / file.Slots;
        if (earlier == 0) return;
        long first = ByteOf(ticket) - earlier;
        NativeMethods.OfdLocks.LockShared(file.Handle, first, earlier);
        NativeMethods.OfdLocks.Unlock(file.Handle, first, earlier);
    }

    /// <summary>Gives the ticket up, held or not: later ones no longer wait for it. Any thread, also while another is in <see cref="Wait"/> for it.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public void Leave(long ticket) => NativeMethods.OfdLocks.Unlock(file.Handle, ByteOf(ticket), 1);

    /// <summary>Whether a later ticket was issued for the same slot; its owner may have gone since.</summary>
    /// <exception cref="IOException">The counter cannot be read.</exception>
    public bool HasSuccessor(long ticket) => file.NextTicket(number) > ticket + file.Slots;

    private long ByteOf(long ticket)
    {
        (long place, long slot) = Math.DivRem(ticket, file.Slots);
        return ((number * (long)LeaseOptions.MostSlots + slot + 1) << TicketBits) + place;
    }
}
