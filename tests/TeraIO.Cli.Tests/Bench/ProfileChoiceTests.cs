using TeraIO.Cli.Bench;
using TeraIO.Core.Storage;

namespace TeraIO.Cli.Tests.Bench;

public sealed class ProfileChoiceTests
{
    [Test]
    public void The_fastest_setting_wins_and_of_equal_ones_the_shallowest_queue()
    {
        PathBandwidth path = Choose([.. Setting("io_uring", 1 << 20, 4, 980, 490, (500, 240)), .. Setting("io_uring", 8 << 20, 16, 1000, 500, (600, 300)), .. Setting("io_uring", 4096, 1, 100, 50, (90, 40))])!.Paths.Single();
        Assert.That((path.RequestBytes, path.QueueDepth, path.ReadBandwidth, path.WriteBandwidth), Is.EqualTo((1L << 20, 4, 980.0, 490.0)));
        Assert.That(path.Interference, Is.EqualTo(2 - (500 / 980.0) - (240 / 490.0)).Within(1e-9));
        Assert.That(path.LatencySeconds, Is.EqualTo(4096e-9), "the shortest request, alone");
    }

    [Test]
    public void The_backend_that_a_store_takes_is_chosen_even_where_another_is_faster()
    {
        Assert.That(Choose([.. Setting("threads", 4096, 1, 900, 900, (1, 1)), .. Setting("io_uring", 4096, 1, 800, 800, (1, 1)), .. Setting("raw", 4096, 1, 9000, 9000, (1, 1))])!.Paths.Single().Backend, Is.EqualTo("io_uring"));
        Assert.That(Choose([.. Setting("threads", 4096, 1, 900, 900, (1, 1))])!.Paths.Single().Backend, Is.EqualTo("threads"));
    }

    [TestCase(true, "cufile")]
    [TestCase(false, "staged")]
    public void Of_device_memory_cufile_is_chosen_only_where_it_goes_directly(bool isDirect, string expected)
    {
        BenchCell[] cells = [.. Setting("cufile", 4096, 1, 900, 900, (1, 1)), .. Setting("staged", 4096, 1, 900, 900, (1, 1)), .. Setting("copy", 4096, 1, 9000, 9000, (1, 1)), .. Setting("loop", 4096, 1, 9000, 9000, (1, 1))];
        var result = new BenchResult(cells, [new BenchRoute("/p", "cufile", "why", isDirect), new BenchRoute("/other", "cufile", "why", !isDirect)]);
        Assert.That(ProfileChoice.Of(result, "machine", DateTimeOffset.UnixEpoch)!.Paths.Single().Backend, Is.EqualTo(expected));
    }

    [TestCase(900, 800, "cufile")]
    [TestCase(800, 900, "staged")]
    public void Of_device_memory_the_faster_backend_is_chosen_whatever_was_expected(double cuFile, double staged, string expected)
    {
        BenchCell[] cells = [.. Setting("cufile", 1 << 20, 16, cuFile, cuFile, (1, 1)), .. Setting("staged", 1 << 20, 16, staged, staged, (1, 1))];
        var result = new BenchResult(cells, [new BenchRoute("/p", "cufile", "why", expected == "staged")]);
        BandwidthProfile profile = ProfileChoice.Of(result, "machine", DateTimeOffset.UnixEpoch, "a GPU")!;
        Assert.That(profile.Paths.Single().Backend, Is.EqualTo(expected));
        Assert.That(ProfileChoice.SessionChoice(profile, "/p")!.Reason, Does.Contain($"{expected} 1.13 times as fast"));
    }

    [Test]
    public void All_settings_of_all_backends_stand_beside_the_best()
    {
        BandwidthProfile profile = Choose([.. Setting("threads", 4096, 1, 900, 900, (1, 1)), .. Setting("io_uring", 4096, 1, 800, 800, (1, 1)), .. Setting("io_uring", 8192, 4, 850, 700, (1, 1)), .. Setting("raw", 4096, 1, 9000, 9000, (1, 1))])!;
        Assert.That(
            profile.Measured.Select(static m => (m.Backend, m.RequestBytes, m.QueueDepth, m.ReadBandwidth, m.WriteBandwidth)),
            Is.EqualTo(new[] { ("threads", 4096L, 1, 900.0, 900.0), ("io_uring", 4096L, 1, 800.0, 800.0), ("io_uring", 8192L, 4, 850.0, 700.0) }));
        Assert.That(profile.Measured, Does.Contain(profile.Paths.Single()));
        Assert.That((profile.Gpu, ProfileChoice.SessionChoice(profile, "/p")), Is.EqualTo(((string?)null, (MeasuredBackend?)null)));
    }

    [Test]
    public void Without_both_directions_there_is_no_profile() => Assert.That(Choose([.. Setting("io_uring", 4096, 1, 1, 1, (1, 1)).Where(static c => c.Direction != BenchDirection.Write)]), Is.Null);

    private static BandwidthProfile? Choose(BenchCell[] cells) => ProfileChoice.Of(new BenchResult(cells, []), "machine", DateTimeOffset.UnixEpoch);

    private static IEnumerable<BenchCell> Setting(string backend, long size, int depth, double read, double write, (double Read, double Write) mixed)
    {
        yield return new BenchCell("/p", backend, BenchDirection.Read, size, depth, read, 0, size * 1e-9, 1, 0);
        yield return new BenchCell("/p", backend, BenchDirection.Write, size, depth, 0, write, size * 1e-9, 1, 0);
        yield return new BenchCell("/p", backend, BenchDirection.Mixed, size, depth, mixed.Read, mixed.Write, size * 1e-9, 1, 0);
    }
}
