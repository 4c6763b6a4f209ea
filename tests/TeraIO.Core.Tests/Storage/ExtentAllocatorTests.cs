using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Tests.Storage;

[TestFixture]
public class ExtentAllocatorTests
{
    private const int Block = StoreOptions.BlockBytes;

    [Test]
    public void The_smallest_free_range_that_fits_is_taken()
    {
        var extents = WithCapacity(16);
        long wide = Take(extents, 4);
        Take(extents, 1);
        long narrow = Take(extents, 2);
        Take(extents, 1);
        extents.Free(wide);
        extents.Free(narrow);

        Assert.That(Take(extents, 2), Is.EqualTo(narrow));
    }

    [Test]
    public void Freed_neighbours_become_one_range_again()
    {
        var extents = WithCapacity(3);
        long[] offsets = [Take(extents, 1), Take(extents, 1), Take(extents, 1)];

        extents.Free(offsets[0]);
        extents.Free(offsets[2]);
        extents.Free(offsets[1]);

        Assert.That((extents.FreeRanges, extents.LargestFree), Is.EqualTo((1, 3L * Block)));
    }

    [Test]
    public void Growth_extends_the_free_range_at_the_end()
    {
        var extents = WithCapacity(2);
        Take(extents, 1);

        extents.GrowTo(4 * Block);

        Assert.That(extents.LargestFree, Is.EqualTo(3 * Block));
    }

    [Test]
    public void What_does_not_fit_changes_nothing()
    {
        var extents = WithCapacity(2);

        bool taken = extents.TryAllocate(3 * Block, out _);

        Assert.That((taken, extents.FreeBytes), Is.EqualTo((false, 2L * Block)));
    }

    [Test]
    public void Freeing_twice_is_a_defect_that_shows()
    {
        var extents = WithCapacity(2);
        long offset = Take(extents, 1);
        extents.Free(offset);

        Assert.That(() => extents.Free(offset), Throws.InvalidOperationException.With.Message.Contains("offset 0"));
    }

    [TestCase(0)]
    [TestCase(-4096)]
    [TestCase(100)]
    public void Only_whole_blocks_can_be_had(long length) =>
        Assert.That(() => WithCapacity(1).TryAllocate(length, out _), Throws.InstanceOf<ArgumentException>());

    [TestCase(1, Block)]
    [TestCase(Block, Block)]
    [TestCase(Block + 1, 2 * Block)]
    public void Lengths_round_up_to_blocks(long bytes, long extent) => Assert.That(ExtentAllocator.RoundUp(bytes), Is.EqualTo(extent));

    /// <summary>The model is an array with one entry per block: who holds it.</summary>
    [FsCheck.NUnit.Property(MaxTest = 300)]
    public Property Any_sequence_of_requests_agrees_with_an_array_of_blocks() => Prop.ForAll(
        Gen.Choose(0, 9999).ArrayOf().ToArbitrary(),
        choices =>
        {
            var extents = new ExtentAllocator();
            var owners = new List<int>();
            var held = new List<(int Owner, long Offset, int Blocks)>();
            int nextOwner = 1;
            foreach (int choice in choices)
            {
                int size = choice / 10 % 7 + 1;
                switch (choice % 10)
                {
                    case 0:
                        owners.AddRange(new int[size]);
                        extents.GrowTo((long)owners.Count * Block);
                        break;
                    case < 6:
                        bool taken = extents.TryAllocate((long)size * Block, out long offset);
                        if (taken != (LongestFree(owners) >= size) || (taken && !TryMark(owners, offset, size, nextOwner)))
                            return false;
                        if (taken)
                            held.Add((nextOwner++, offset, size));
                        break;
                    default:
                        if (held.Count == 0)
                            break;
                        var chosen = held[choice / 10 % held.Count];
                        held.Remove(chosen);
                        extents.Free(chosen.Offset);
                        for (int i = 0; i < chosen.Blocks; i++)
                            owners[(int)(chosen.Offset / Block) + i] = 0;
                        break;
                }
                if (!Agree(extents, owners))
                    return false;
            }
            return true;
        });

    private static bool TryMark(List<int> owners, long offset, int blocks, int owner)
    {
        int first = (int)(offset / Block);
        if (offset % Block != 0 || first + blocks > owners.Count || owners.GetRange(first, blocks).Exists(static o => o != 0))
            return false;
        for (int i = 0; i < blocks; i++)
            owners[first + i] = owner;
        return true;
    }

    private static bool Agree(ExtentAllocator extents, List<int> owners)
    {
        int free = owners.Count(static owner => owner == 0);
        int ranges = owners.Where((owner, i) => owner == 0 && (i == 0 || owners[i - 1] != 0)).Count();
        return extents.FreeBytes == (long)free * Block && extents.FreeRanges == ranges
            && extents.LargestFree == (long)LongestFree(owners) * Block && extents.AllocatedBytes == (long)(owners.Count - free) * Block;
    }

    private static int LongestFree(List<int> owners)
    {
        int longest = 0;
        int run = 0;
        foreach (int owner in owners)
        {
            run = owner == 0 ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }
        return longest;
    }

    private static ExtentAllocator WithCapacity(int blocks)
    {
        var extents = new ExtentAllocator();
        extents.GrowTo((long)blocks * Block);
        return extents;
    }

    private static long Take(ExtentAllocator extents, int blocks)
    {
        Assert.That(extents.TryAllocate((long)blocks * Block, out long offset), Is.True);
        return offset;
    }
}
