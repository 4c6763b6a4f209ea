using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Residency;

namespace TeraIO.Core.Tests.Residency;

[TestFixture]
public class LruListTests
{
    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property Behaves_as_an_ordered_list_without_duplicates() => Prop.ForAll(
        Gen.Choose(-8, 8).Where(n => n != 0).ArrayOf().ToArbitrary(),
        operations =>
        {
            TensorBlock[] blocks = [.. Enumerable.Range(0, 8).Select(i => new TensorBlock(i, i + 1, 10 * (i + 1)))];
            var list = new LruList();
            var model = new List<TensorBlock>();
            foreach (int operation in operations)
            {
                TensorBlock block = blocks[Math.Abs(operation) - 1];
                if (operation > 0)
                {
                    list.Add(block);
                    if (!model.Contains(block)) model.Add(block);
                }
                else
                {
                    list.Remove(block);
                    model.Remove(block);
                }
            }

            return Walk(list).SequenceEqual(model) && list.Bytes == model.Sum(b => b.Bytes) && blocks.All(b => b.IsListed == model.Contains(b));
        });

    private static IEnumerable<TensorBlock> Walk(LruList list)
    {
        for (TensorBlock? block = list.First; block is not null; block = block.Following) yield return block;
    }
}
