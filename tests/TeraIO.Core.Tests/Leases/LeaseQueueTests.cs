using TeraIO.Core.Leases;

namespace TeraIO.Core.Tests.Leases;

/// <summary>Who holds when, for members within one process: their openings of the file exclude each other as processes do.</summary>
[TestFixture]
public class LeaseQueueTests
{
    private LeaseDirectory _directory = null!;

    [SetUp]
    public void CreateDirectory() => _directory = new LeaseDirectory();

    [TearDown]
    public void DeleteDirectory() => _directory.Dispose();

    [TestCase(1, 4)]
    [TestCase(2, 5)]
    [TestCase(3, 4)]
    public void No_more_hold_than_there_are_slots_and_nobody_is_overtaken_more_often_than_promised(int slots, int members)
    {
        const int Rounds = 100;
        var log = new List<(long Ticket, bool IsGrant)>();
        var threads = new List<Thread>();
        for (int member = 0; member < members; member++)
        {
            threads.Add(new Thread(() =>
            {
                using LeaseFile file = _directory.Join(slots);
                var queue = new LeaseQueue(file, number: 1);
                for (int i = 0; i < Rounds; i++)
                {
                    long ticket = queue.Enter();
                    queue.Wait(ticket);
                    lock (log) log.Add((ticket, true));
                    lock (log) log.Add((ticket, false));
                    queue.Leave(ticket);
                }
            }));
        }

        using (_directory.Join(slots))
        {
            threads.ForEach(static thread => thread.Start());
            threads.ForEach(static thread => thread.Join());
        }

        int held = 0;
        int mostHeld = 0;
        foreach ((_, bool isGrant) in log) mostHeld = Math.Max(mostHeld, held += isGrant ? 1 : -1);
        long[] grants = [.. log.Where(static entry => entry.IsGrant).Select(static entry => entry.Ticket)];
        int mostOvertaken = grants.Select((ticket, place) => grants.Take(place).Count(before => before > ticket)).Max();
        Assert.That(grants.Order(), Is.EqualTo(Enumerable.Range(0, members * Rounds)), "each ticket is granted once");
        Assert.That(mostHeld, Is.LessThanOrEqualTo(slots));
        Assert.That(mostOvertaken, Is.LessThanOrEqualTo(members * (slots - 1)));
    }

    [Test]
    public void A_ticket_given_up_by_another_thread_is_skipped_at_once()
    {
        using LeaseFile first = _directory.Join();
        using LeaseFile second = _directory.Join();
        using LeaseFile third = _directory.Join();
        LeaseQueue holder = new(first, 0), quitter = new(second, 0), last = new(third, 0);
        long held = holder.Enter();
        holder.Wait(held);
        long given = quitter.Enter();
        Task parked = Task.Factory.StartNew(() => quitter.Wait(given), TaskCreationOptions.LongRunning);
        long next = last.Enter();

        quitter.Leave(given);
        holder.Leave(held);
        last.Wait(next);
        parked.Wait();
        last.Leave(next);
    }

    [Test]
    public void Queues_of_one_file_do_not_disturb_each_other()
    {
        using LeaseFile first = _directory.Join();
        using LeaseFile second = _directory.Join();
        LeaseQueue reads = new(first, 0), writes = new(second, 1);
        long read = reads.Enter();
        reads.Wait(read);

        long write = writes.Enter();
        writes.Wait(write);

        Assert.That((read, write), Is.EqualTo((0L, 0L)));
        reads.Leave(read);
        writes.Leave(write);
    }

    [Test]
    public void A_successor_is_one_in_the_same_slot()
    {
        using LeaseFile first = _directory.Join(slots: 2);
        using LeaseFile second = _directory.Join(slots: 2);
        using LeaseFile third = _directory.Join(slots: 2);
        var queue = new LeaseQueue(first, 0);
        long ticket = queue.Enter();
        bool alone = queue.HasSuccessor(ticket);
        new LeaseQueue(second, 0).Enter();
        bool withAnotherSlot = queue.HasSuccessor(ticket);
        new LeaseQueue(third, 0).Enter();

        Assert.That((alone, withAnotherSlot, queue.HasSuccessor(ticket)), Is.EqualTo((false, false, true)));
    }
}
