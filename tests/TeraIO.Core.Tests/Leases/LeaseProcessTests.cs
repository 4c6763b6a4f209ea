using System.Globalization;
using TeraIO.Core.Leases;

namespace TeraIO.Core.Tests.Leases;

/// <summary>Leases among real processes, some of which are killed.</summary>
[TestFixture]
public class LeaseProcessTests
{
    private LeaseDirectory _directory = null!;

    [SetUp]
    public void CreateDirectory() => _directory = new LeaseDirectory();

    [TearDown]
    public void DeleteDirectory() => _directory.Dispose();

    [Test]
    public void A_number_that_processes_add_to_under_leases_loses_no_addition()
    {
        const int Rounds = 200;
        string counter = Path.GetTempFileName();
        File.WriteAllText(counter, "0");
        using (var first = new LeaseChild(_directory.File))
        using (var second = new LeaseChild(_directory.File))
        {
            first.Begin($"count {counter} {Rounds}");
            second.Begin($"count {counter} {Rounds}");
            first.Expect("counted");
            second.Expect("counted");
        }

        long sum = long.Parse(File.ReadAllText(counter), CultureInfo.InvariantCulture);
        File.Delete(counter);
        Assert.That(sum, Is.EqualTo(2 * Rounds));
    }

    [Test]
    public void A_holder_killed_with_9_lets_the_next_go_on()
    {
        using LeaseFile own = _directory.Join();
        var queue = new LeaseQueue(own, number: 0);
        using var holder = new LeaseChild(_directory.File);
        holder.Do("enter", "entered");
        holder.Do("wait", "held");
        long ticket = queue.Enter();
        Task waiting = Task.Factory.StartNew(() => queue.Wait(ticket), TaskCreationOptions.LongRunning);

        bool waited = !waiting.IsCompleted;
        holder.Kill();
        waiting.Wait();

        Assert.That(waited, Is.True);
        queue.Leave(ticket);
    }

    [Test]
    public void Who_is_killed_in_the_queue_is_skipped_and_the_order_of_the_others_stays()
    {
        using LeaseFile own = _directory.Join();
        var queue = new LeaseQueue(own, number: 0);
        long held = queue.Enter();
        queue.Wait(held);
        using var second = new LeaseChild(_directory.File);
        using var third = new LeaseChild(_directory.File);
        using var fourth = new LeaseChild(_directory.File);
        foreach (LeaseChild child in (LeaseChild[])[second, third, fourth])
        {
            child.Do("enter", "entered");
            child.Begin("wait");
        }

        third.Kill();
        queue.Leave(held);
        second.Expect("held");
        long last = queue.Enter();
        Task waiting = Task.Factory.StartNew(() => queue.Wait(last), TaskCreationOptions.LongRunning);
        second.Do("leave", "left");
        fourth.Expect("held");
        Assert.That(waiting.IsCompleted, Is.False, "the fourth asked before");
        fourth.Do("leave", "left");
        waiting.Wait();
        queue.Leave(last);
    }

    [Test]
    public void Members_are_counted_while_they_live_and_only_then()
    {
        using LeaseFile own = _directory.Join();
        using var first = new LeaseChild(_directory.File);
        using var second = new LeaseChild(_directory.File);

        int alive = own.CountMembers();
        first.Kill();
        int left = own.CountMembers();

        Assert.That((alive, left), Is.EqualTo((3, 2)));
    }

    [Test]
    public void What_a_killed_last_member_left_is_used_and_removed_by_the_next()
    {
        using (var child = new LeaseChild(_directory.File, slots: 2))
        {
            child.Do("enter", "entered");
            child.Kill();
        }

        Assert.That(_directory.Entries, Has.Length.EqualTo(1));
        using (LeaseFile next = _directory.Join(slots: 1))
        {
            var queue = new LeaseQueue(next, number: 0);
            long ticket = queue.Enter();
            queue.Wait(ticket);
            Assert.That(next.CountMembers(), Is.EqualTo(1));
        }

        Assert.That(_directory.Entries, Is.Empty);
    }

    [Test]
    public void Leaving_processes_leave_no_file()
    {
        using (LeaseFile own = _directory.Join())
        using (var child = new LeaseChild(_directory.File))
        {
            child.Do("enter", "entered");
            child.Kill();
        }

        Assert.That(_directory.Entries, Is.Empty);
    }
}
