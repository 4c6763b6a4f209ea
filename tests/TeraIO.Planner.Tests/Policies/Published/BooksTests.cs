using System.Diagnostics.CodeAnalysis;
using FsCheck;
using FsCheck.Fluent;
using TeraIO.Planner.Policies.Published;

namespace TeraIO.Planner.Tests.PublishedPolicies;

/// <summary>The data structures of the published planners against the plainest code that does the same.</summary>
[TestFixture]
[SuppressMessage("Security", "CA5394", Justification = "Test data, not secrets.")]
public class BooksTests
{
    private static Arbitrary<int> Seeds => Gen.Choose(0, int.MaxValue).ToArbitrary();

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property Bandwidth_is_found_and_booked_on_the_ring() => Prop.ForAll(Seeds, seed =>
    {
        var random = new Random(seed);
        int ops = random.Next(1, 20);
        double[] seconds = [.. Enumerable.Range(0, ops).Select(_ => (double)random.Next(0, 5))];
        var book = new BandwidthBook(seconds, bandwidth: 10);
        long[] free = [.. seconds.Select(static s => (long)(10 * s))];
        for (int i = 0; i < 20; i++)
        {
            int from = random.Next(0, 2 * ops);
            long bytes = random.Next(1, 60);
            int end = EndOf(free, from, bytes);
            int begin = BeginOf(free, from, bytes);
            Assert.That(book.EarliestEnd(from, bytes), Is.EqualTo(end));
            Assert.That(book.LatestBegin(from, bytes), Is.EqualTo(begin));
            if (end == int.MaxValue) continue;
            bool isForward = random.Next(2) == 0;
            if (isForward) book.BookForward(from, bytes);
            else book.BookBackward(from, bytes);
            for (int op = from; bytes > 0; op += isForward ? 1 : -1)
            {
                int place = (op % ops + ops) % ops;
                long part = Math.Min(bytes, free[place]);
                free[place] -= part;
                bytes -= part;
            }
        }
    });

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property The_tree_finds_what_a_scan_finds() => Prop.ForAll(Seeds, seed =>
    {
        var random = new Random(seed);
        int count = random.Next(1, 40);
        long[] values = [.. Enumerable.Range(0, count).Select(_ => (long)random.Next(-50, 50))];
        var tree = new MaxTree(values);
        for (int i = 0; i < 30; i++)
        {
            int first = random.Next(0, 2 * count);
            int last = first + random.Next(0, count);
            long change = random.Next(-20, 20);
            tree.AddCyclic(first, last, change);
            for (int place = first; place <= last; place++) values[place % count] += change;
            Assert.That(tree.Max, Is.EqualTo(values.Max()));
            Assert.That(tree.MaxOfCyclic(first, last), Is.EqualTo(Enumerable.Range(first, last - first + 1).Max(p => values[p % count])));
            int upTo = random.Next(count);
            Assert.That(tree.FindLast(upTo, change), Is.EqualTo(Array.FindLastIndex(values, upTo, v => v >= change)));
        }
    });

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property Ops_over_the_line_leave_when_they_are_relieved() => Prop.ForAll(Seeds, seed =>
    {
        var random = new Random(seed);
        int ops = random.Next(1, 30);
        long[] memory = [.. Enumerable.Range(0, ops).Select(_ => (long)random.Next(0, 200))];
        var critical = new CriticalOps(memory, [.. Enumerable.Repeat(0.0, ops)], line: 100); // every op counts as one unit
        for (int i = 0; i < 20; i++)
        {
            int first = random.Next(0, 2 * ops);
            int last = first + random.Next(0, ops);
            Assert.That(critical.Count, Is.EqualTo(memory.Count(static m => m > 100)));
            Assert.That(critical.Duration(first, last), Is.EqualTo(Enumerable.Range(first, last - first + 1).Count(op => memory[op % ops] > 100)));
            long bytes = random.Next(0, 40);
            critical.Relieve(first, last, bytes);
            for (int op = first; op <= last; op++) memory[op % ops] -= bytes;
        }
    });

    private static int EndOf(long[] free, int from, long bytes)
    {
        if (bytes > free.Sum()) return int.MaxValue;
        for (int op = from; ; op++)
        {
            bytes -= free[op % free.Length];
            if (bytes <= 0) return op;
        }
    }

    private static int BeginOf(long[] free, int last, long bytes)
    {
        if (bytes > free.Sum()) return int.MinValue;
        for (int op = last; ; op--)
        {
            bytes -= free[(op % free.Length + free.Length) % free.Length];
            if (bytes <= 0) return op;
        }
    }
}
