using FsCheck;
using FsCheck.Fluent;
using TeraIO.Planner.Planning;

namespace TeraIO.Planner.Tests.Planning;

public sealed class CyclicRangeTreeTests
{
    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property It_agrees_with_a_plain_array() => Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
    {
        var random = new Random(seed);
        int n = random.Next(1, 71);
        var plain = new long[n];
        for (int i = 0; i < n; i++) plain[i] = random.Next(-50, 50);
        var tree = new CyclicRangeTree(plain);
        for (int step = 0; step < 30; step++)
        {
            int first = random.Next(n);
            int count = random.Next(n + 1);
            long bytes = random.Next(-20, 20);
            for (int i = 0; i < count; i++) plain[(first + i) % n] += bytes;
            tree.Add(first, count, bytes);

            first = random.Next(n);
            count = random.Next(n + 1);
            long limit = random.Next(-60, 60);
            int[] above = [.. Enumerable.Range(0, count).Where(i => plain[(first + i) % n] > limit)];
            if (tree.FirstAbove(first, count, limit) != (above.Length == 0 ? -1 : above[0])) return false;
            if (tree.LastAbove(first, count, limit) != (above.Length == 0 ? -1 : above[^1])) return false;
            if (count > 0 && tree.MaxOf(first, count) != Enumerable.Range(0, count).Max(i => plain[(first + i) % n])) return false;
            if (tree.Max != plain.Max()) return false;
        }

        var copy = new long[n];
        tree.CopyTo(copy);
        return copy.SequenceEqual(plain);
    });
}
