using TeraIO.Core.Tiers;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Transfers;

/// <summary>Whose turn it is in a lane with room for two transfers.</summary>
[TestFixture]
public class TransferLaneTests
{
    private TransferLane _lane = null!;

    [SetUp]
    public void MakeLane() => _lane = new TransferLane(mostBytesInFlight: 2, mostTransfersInFlight: 8, new PathCondition(stripeBytes: 0).Reads);

    [Test]
    public void A_transfer_that_is_tried_again_needs_no_place()
    {
        var all = Enqueue(4);
        Assert.That(Next(), Is.SameAs(all[0]));
        Assert.That(Next(), Is.SameAs(all[1]));
        _lane.Release(all[0], moved: false);
        Assert.That(Next(), Is.SameAs(all[2]), "its place is another's");

        _lane.Repeat(all[0]);

        Assert.That(Next(), Is.SameAs(all[0]));
        Assert.That(Next(), Is.Null, "the lane is full for all others");
        Assert.That(_lane.TransfersInFlight, Is.EqualTo(3));
    }

    [Test]
    public void A_transfer_that_is_tried_again_or_put_back_has_its_old_turn([Values] bool isPutBack)
    {
        var all = Enqueue(3);
        Assert.That(Next(), Is.SameAs(all[0]));

        if (isPutBack)
        {
            _lane.PutBack(all[0]);
        }
        else
        {
            _lane.Release(all[0], moved: false);
            _lane.Repeat(all[0]);
        }

        Assert.That(Next(), Is.SameAs(all[0]));
        Assert.That(Next(), Is.SameAs(all[1]));
    }

    [Test]
    public void A_transfer_that_is_used_anew_has_lost_both()
    {
        var all = Enqueue(3);
        _ = Next();
        _lane.Release(all[0], moved: false);
        _lane.Repeat(all[0]);
        _ = Next();
        _lane.Release(all[0], moved: true);

        _lane.Enqueue(all[0]);

        Assert.That(Next(), Is.SameAs(all[1]));
        Assert.That(Next(), Is.SameAs(all[2]));
        Assert.That(Next(), Is.Null);
    }

    private Transfer? Next() => _lane.TryDequeue(out var next) ? next : null;

    private Transfer[] Enqueue(int count)
    {
        Transfer[] transfers = [.. Enumerable.Range(0, count).Select(static index => new Transfer(null!, index) { Length = 1 })];
        foreach (var transfer in transfers)
            _lane.Enqueue(transfer);
        return transfers;
    }
}
