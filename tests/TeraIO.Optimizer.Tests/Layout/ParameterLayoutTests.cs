using FsCheck;
using TeraIO.Core;
using TeraIO.Optimizer.Layout;

namespace TeraIO.Optimizer.Tests.Layout;

internal sealed class ParameterLayoutTests
{
    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property Subgroups_contain_every_element_once_and_in_order() => Seeds.ForAll(static seed =>
    {
        var random = new Random(seed);
        long[] tensors = [1, .. Enumerable.Range(0, random.Next(20)).Select(_ => (long)random.Next(50))];
        var layout = new ParameterLayout(tensors, random.Next(1, 60));
        var seen = new List<(int, long)>();
        foreach (Subgroup subgroup in layout.Subgroups)
        {
            long filled = 0;
            foreach (TensorPiece piece in subgroup.Pieces)
            {
                Assert.That(piece.SubgroupOffset, Is.EqualTo(filled));
                for (long i = 0; i < piece.Elements; i++) seen.Add((piece.Tensor, piece.TensorOffset + i));
                filled += piece.Elements;
            }

            bool isLast = subgroup.Index == layout.Subgroups.Count - 1;
            Assert.That(filled, Is.EqualTo(subgroup.Elements).And.GreaterThan(0));
            Assert.That(filled == layout.SubgroupElements || (isLast && filled < layout.SubgroupElements), Is.True);
        }

        Assert.That(seen, Is.EqualTo(tensors.SelectMany(static (n, tensor) => Enumerable.Range(0, (int)n).Select(i => (tensor, (long)i)))));
    });

    [Test]
    public void A_layout_without_elements_is_refused() =>
        Assert.That(() => new ParameterLayout([0, 0], 4), Throws.TypeOf<ConfigurationException>().With.Message.Contains("no parameters"));

    [TestCase(0)]
    [TestCase(-5)]
    public void A_subgroup_without_elements_is_refused(long size) =>
        Assert.That(() => new ParameterLayout([3], size), Throws.TypeOf<ConfigurationException>());
}
