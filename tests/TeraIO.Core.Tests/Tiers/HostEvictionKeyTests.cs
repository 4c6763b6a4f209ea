using TeraIO.Core.Tiers;

namespace TeraIO.Core.Tests.Tiers;

[TestFixture]
public class HostEvictionKeyTests
{
    [Test]
    public void What_costs_least_leaves_first_then_what_is_needed_last_then_the_least_recently_used()
    {
        HostEvictionKey[] inOrder =
        [
            new(HostEvictionCost.Spare, NextUse: 5, LastUse: 9),
            new(HostEvictionCost.Clean, NextUse: long.MaxValue, LastUse: 4),
            new(HostEvictionCost.Clean, NextUse: long.MaxValue, LastUse: 8),
            new(HostEvictionCost.Clean, NextUse: 70, LastUse: 1),
            new(HostEvictionCost.Clean, NextUse: 60, LastUse: 2),
            new(HostEvictionCost.Dirty, NextUse: 70, LastUse: 3),
            new(HostEvictionCost.Refused, NextUse: long.MaxValue, LastUse: 5),
        ];

        Assert.That(inOrder.Reverse().Order(), Is.EqualTo(inOrder));
    }
}
