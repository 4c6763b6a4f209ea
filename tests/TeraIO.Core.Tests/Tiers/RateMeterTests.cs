using System.Diagnostics;
using TeraIO.Core.Tiers;

namespace TeraIO.Core.Tests.Tiers;

/// <summary>Transfers on an invented clock: what the meter makes of them.</summary>
[TestFixture]
public class RateMeterTests
{
    private const long Stripe = 1 << 20;
    private static readonly double _second = Stopwatch.Frequency;

    private RateMeter _meter = null!;
    private double _now;

    [SetUp]
    public void CreateMeter()
    {
        _meter = new RateMeter(Stripe / 4);
        _now = _second;
    }

    [Test]
    public void Nothing_is_known_before_the_first_transfers() => Assert.That(_meter.Rate((long)_now), Is.Zero);

    [TestCase(1)]
    [TestCase(16)]
    public void The_rate_does_not_depend_on_how_many_wait_in_the_queue(int depth)
    {
        Run(stripes: 64, rate: 200e6, depth);

        Assert.That(_meter.Rate((long)_now), Is.EqualTo(200e6).Within(1).Percent);
    }

    [Test]
    public void Time_without_transfers_does_not_count()
    {
        for (int i = 0; i < 40; i++)
        {
            Run(stripes: 1, rate: 200e6, depth: 1);
            _now += _second;
        }

        Assert.That(_meter.Rate((long)_now), Is.EqualTo(200e6).Within(1).Percent);
    }

    [TestCase(400e6, 40e6)]
    [TestCase(40e6, 400e6)]
    public void A_change_by_ten_is_known_within_two_spans(double before, double after)
    {
        Run(stripes: 64, before, depth: 4);
        // Two spans of 20 ms, and what was begun of one before.
        Run(stripes: Math.Max(6, (int)(0.060 * after / Stripe)), after, depth: 4);

        Assert.That(_meter.Rate((long)_now) / after, Is.InRange(0.5, 2));
    }

    [Test]
    public void An_overdue_transfer_lowers_the_rate_before_it_ends()
    {
        Run(stripes: 64, rate: 200e6, depth: 1);
        _meter.Begin((long)_now, Stripe);

        Assert.That(_meter.Rate((long)(_now + _second)), Is.LessThan(2 * Stripe));
    }

    [Test]
    public void Small_transfers_tell_nothing_of_the_bandwidth()
    {
        for (int i = 0; i < 1000; i++)
        {
            _meter.Begin((long)_now, 4096);
            _now += 0.001 * _second;
            _meter.End((long)_now, 4096, moved: true);
        }

        Assert.That(_meter.Rate((long)_now), Is.Zero);
    }

    [Test]
    public void A_failed_transfer_costs_time_and_brings_no_bytes()
    {
        for (int i = 0; i < 40; i++)
        {
            _meter.Begin((long)_now, Stripe);
            _now += Stripe / 200e6 * _second;
            _meter.End((long)_now, Stripe, moved: i % 2 == 0);
        }

        Assert.That(_meter.Rate((long)_now), Is.EqualTo(100e6).Within(25).Percent);
    }

    /// <summary>A device that does one stripe after the other, with <paramref name="depth"/> of them queued.</summary>
    private void Run(int stripes, double rate, int depth)
    {
        int begun = 0;
        for (; begun < Math.Min(depth, stripes); begun++)
            _meter.Begin((long)_now, Stripe);
        for (int ended = 0; ended < stripes; ended++)
        {
            _now += Stripe / rate * _second;
            _meter.End((long)_now, Stripe, moved: true);
            if (begun < stripes)
            {
                _meter.Begin((long)_now, Stripe);
                begun++;
            }
        }
    }
}
