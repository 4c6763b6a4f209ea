using FsCheck;
using TeraIO.Core;
using TeraIO.Optimizer.Interleave;

namespace TeraIO.Optimizer.Tests.Interleave;

internal sealed class InterleaveModelTests
{
    [Test]
    public void A_balanced_link_and_CPU_share_the_update()
    {
        // 1/U_c = 4, device 0.5, link 12 bytes at 4.. per second each way: (1-f)4 = 3f.
        var model = new InterleaveModel(new UpdateRates(0.25, 2, 4, 4), parameters: 1_000_000, subgroupParameters: 1, modelBytes: 0);
        Assert.That(model.BestShare(), Is.EqualTo(4 / 7.0).Within(1e-9));
        Assert.That(model.Seconds(0), Is.EqualTo(4_000_000));
        Assert.That(model.Seconds(model.BestShare()), Is.EqualTo(12e6 / 7).Within(10));
    }

    [Test]
    public void The_published_closed_form_is_where_CPU_and_link_are_balanced()
    {
        // f* = (1/U_c - 2/B) / (1/U_c + 10/B): 1e9 parameters per second, 25e9 bytes per second, a device that is never the limit.
        var model = new InterleaveModel(new UpdateRates(1e9, 1e12, 25e9, 25e9), 7_000_000_000, 1, modelBytes: 2);
        double expected = ((1 / 1e9) - (2 / 25e9)) / ((1 / 1e9) + (10 / 25e9));
        Assert.That(model.BestShare(), Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void A_link_that_is_too_slow_leaves_everything_to_the_CPU() =>
        Assert.That(new InterleaveModel(new UpdateRates(1e9, 1e10, 1e6, 1e6), 1_000_000, 500_000, 0).BestShare(), Is.Zero);

    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property No_share_on_a_grid_is_predicted_faster_than_the_best() => Seeds.ForAll(static seed =>
    {
        var random = new Random(seed);
        double Rate() => Math.Pow(10, 6 + (4 * random.NextDouble()));
        var model = new InterleaveModel(new UpdateRates(Rate(), Rate(), 10 * Rate(), 10 * Rate()), 100_000_000, 1, random.Next(3));
        double best = model.Seconds(model.BestShare());
        for (int i = 0; i <= 1000; i++) Assert.That(model.Seconds(i / 1000.0), Is.GreaterThanOrEqualTo(best * (1 - 1e-6)));
    });

    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property A_share_is_spread_evenly() => Seeds.ForAll(static seed =>
    {
        double share = new Random(seed).NextDouble();
        int onDevice = 0;
        for (int place = 0; place < 200; place++)
        {
            if (DeviceShare.IsOnDevice(place, share)) onDevice++;
            Assert.That(onDevice, Is.EqualTo((int)Math.Floor(share * (place + 1))));
        }
    });

    [Test]
    public void A_rate_that_is_no_number_is_refused() =>
        Assert.That(() => new InterleaveModel(new UpdateRates(1, double.NaN, 1, 1), 1, 1, 0), Throws.TypeOf<ConfigurationException>());
}
