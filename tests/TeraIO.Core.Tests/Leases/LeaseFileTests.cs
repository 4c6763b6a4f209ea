using TeraIO.Core.Leases;

namespace TeraIO.Core.Tests.Leases;

[TestFixture]
public class LeaseFileTests
{
    private LeaseDirectory _directory = null!;

    [SetUp]
    public void CreateDirectory() => _directory = new LeaseDirectory();

    [TearDown]
    public void DeleteDirectory() => _directory.Dispose();

    [Test]
    public void The_last_member_to_leave_removes_the_file()
    {
        LeaseFile first = _directory.Join();
        LeaseFile second = _directory.Join();

        first.Dispose();
        int left = _directory.Entries.Length;
        second.Dispose();

        Assert.That((left, _directory.Entries.Length), Is.EqualTo((1, 0)));
    }

    [Test]
    public void Members_of_one_process_count_too()
    {
        using LeaseFile first = _directory.Join();
        using LeaseFile second = _directory.Join();
        using (_directory.Join())
            Assert.That(first.CountMembers(), Is.EqualTo(3));

        Assert.That((first.CountMembers(), second.CountMembers()), Is.EqualTo((2, 2)));
    }

    [Test]
    public void Another_number_of_slots_is_refused_while_members_live()
    {
        using LeaseFile first = _directory.Join(slots: 2);

        Assert.That(() => _directory.Join(slots: 3), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Slots is 3").And.Message.Contains("have 2"));
        Assert.That(first.CountMembers(), Is.EqualTo(1));
    }

    [Test]
    public void A_file_that_is_something_else_is_refused_and_left_alone()
    {
        File.WriteAllText(_directory.File, "a thesis");

        Assert.That(() => _directory.Join(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("not a lease file"));
        Assert.That(File.ReadAllText(_directory.File), Is.EqualTo("a thesis"));
    }

    [Test]
    public void A_link_is_not_followed()
    {
        string target = Path.Combine(_directory.Path, "target");
        File.CreateSymbolicLink(_directory.File, target);

        Assert.That(() => _directory.Join(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("LeaseOptions.Directory"));
        Assert.That(File.Exists(target), Is.False);
    }

    [Test]
    public void Joining_and_leaving_side_by_side_never_splits_the_members_over_two_files()
    {
        int holders = 0;
        int most = 0;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using LeaseFile file = _directory.Join();
            var queue = new LeaseQueue(file, number: 0);
            long ticket = queue.Enter();
            queue.Wait(ticket);
            most = Math.Max(most, Interlocked.Increment(ref holders));
            Interlocked.Decrement(ref holders);
            queue.Leave(ticket);
        });

        Assert.That(most, Is.EqualTo(1));
        Assert.That(_directory.Entries, Is.Empty);
    }
}
