using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Tiers;

namespace TeraIO.Core.Tests.Tiers;

[TestFixture]
public class PathSharesTests
{
    private const long Stripe = 1 << 20;

    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property Every_path_has_its_share_to_within_its_stripes_at_any_time() => Prop.ForAll(
        Gen.Choose(1, 1000).ArrayOf().Where(static weights => weights.Length is >= 1 and <= 6).ToArbitrary(),
        static weights =>
        {
            var shares = new PathShares(weights.Length, Stripe);
            shares.Set([.. weights.Select(static weight => (double)weight)]);
            var placed = new long[weights.Length];
            for (int stripe = 1; stripe <= 300; stripe++)
            {
                placed[Next(shares, weights.Length)]++;
                for (int i = 0; i < weights.Length; i++)
                {
                    if (Math.Abs(placed[i] - (stripe * shares[i])) >= weights.Length)
                        return false;
                }
            }
            return true;
        });

    [Test]
    public void One_stripe_tensors_are_divided_like_stripes_of_one_tensor()
    {
        var shares = new PathShares(2, Stripe);
        shares.Set([3, 1]);

        int[] placed = [.. Enumerable.Range(0, 8).Select(_ => Next(shares, 2))];

        Assert.That(placed.Count(static index => index == 1), Is.EqualTo(2));
    }

    [Test]
    public void A_stripe_stays_while_the_shares_are_steady_and_leaves_when_its_path_becomes_slow()
    {
        var shares = new PathShares(2, Stripe);
        shares.Set([1, 1]);
        int[] home = [.. Enumerable.Range(0, 16).Select(_ => Next(shares, 2))];
        Assert.That(home, Has.All.Matches<int>(index => Stays(shares, index)));

        shares.Set([10, 1]);

        Assert.That(home.Where(static index => index == 1).Count(index => Stays(shares, index)), Is.LessThanOrEqualTo(3));
    }

    private static bool Stays(PathShares shares, int index)
    {
        if (!shares.MayStay(index, Stripe))
            return false;
        shares.Take(index, Stripe);
        return true;
    }

    private static int Next(PathShares shares, int paths)
    {
        int index = Enumerable.Range(0, paths).MaxBy(i => shares.Owed(i, Stripe));
        shares.Take(index, Stripe);
        return index;
    }
}
