using TeraIO.Core.Storage;

namespace TeraIO.Core.Tests.Storage;

/// <summary>Which backend a profile has as the faster. The figures are made up.</summary>
public sealed class MeasuredBackendTests
{
    private const string Gpu = "a GPU at 0000:3b:00.0";
    private const long MiB = 1 << 20;

    private static readonly BandwidthProfile _profile = new("a machine", new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero), [])
    {
        Gpu = Gpu,
        Measured = [Row("cufile", MiB, 16, 3e9, 2e9), Row("staged", MiB, 16, 2e9, 1e9)],
    };

    [TestCase(3e9, 2e9, 2e9, 1e9, StorageBackend.CuFile)]
    [TestCase(2e9, 1e9, 3e9, 2e9, StorageBackend.Staged)]
    [TestCase(8e9, 0.5e9, 2e9, 2e9, StorageBackend.Staged, TestName = "Fast_reads_do_not_make_up_for_slow_writes")]
    [TestCase(1e9, 4e9, 2e9, 2.5e9, StorageBackend.Staged, TestName = "Fast_writes_do_not_make_up_for_slow_reads")]
    [TestCase(2e9, 2e9, 2e9, 2e9, null)]
    public void The_faster_takes_less_time_for_a_byte_each_way(double cuFileReads, double cuFileWrites, double stagedReads, double stagedWrites, StorageBackend? faster) =>
        Assert.That(Choose(_profile with { Measured = [Row("cufile", MiB, 16, cuFileReads, cuFileWrites), Row("staged", MiB, 16, stagedReads, stagedWrites)] }).Faster, Is.EqualTo(faster));

    [TestCase(MiB, 32, StorageBackend.CuFile, TestName = "The_deepest_queue_stands_for_deeper_ones")]
    [TestCase(MiB, 1, StorageBackend.Staged, TestName = "Another_depth_may_have_another_winner")]
    [TestCase(256 << 10, 16, StorageBackend.CuFile, TestName = "Of_equally_near_sizes_the_larger_counts")]
    [TestCase(128 << 10, 16, StorageBackend.Staged, TestName = "Another_size_may_have_another_winner")]
    public void The_setting_nearest_to_the_stores_counts(long requestBytes, int depth, StorageBackend expected)
    {
        PathBandwidth[] rows =
        [
            Row("cufile", 64 << 10, 16, 1e9, 1e9), Row("staged", 64 << 10, 16, 2e9, 2e9),
            Row("cufile", MiB, 1, 1e9, 1e9), Row("staged", MiB, 1, 2e9, 2e9),
            Row("cufile", MiB, 16, 2e9, 2e9), Row("staged", MiB, 16, 1e9, 1e9),
            Row("staged", MiB, 32, 9e9, 9e9), // of one backend alone
        ];
        Assert.That(MeasuredBackend.Of(_profile with { Measured = rows }, "/p", Gpu, requestBytes, depth).Faster, Is.EqualTo(expected));
    }

    [Test]
    public void The_reason_has_the_figures()
    {
        Assert.That(
            Choose(_profile).Reason,
            Is.EqualTo("the bandwidth profile of 2026-11-25 has cufile 1.80 times as fast: 1.00 MiB with 16 in flight, cufile reads 2.79 GiB/s and writes 1.86 GiB/s, staged reads 1.86 GiB/s and writes 953.67 MiB/s"));
    }

    [Test]
    public void What_the_profile_lacks_is_told()
    {
        Expect(_profile with { Gpu = null }, "no figures of a GPU's memory");
        Expect(_profile with { Gpu = "a GPU at 0000:5e:00.0" }, "is of another GPU, a GPU at 0000:5e:00.0, and this is a GPU at 0000:3b:00.0");
        Expect(_profile with { Measured = [Row("cufile", MiB, 16, 1, 1) with { Path = "/p/q" }] }, "no figures of /p");
        Expect(_profile with { Measured = [Row("cufile", MiB, 16, 1, 1), Row("staged", MiB, 8, 1, 1)] }, "at no common size and depth");
        Expect(_profile with { Measured = [Row("staged", MiB, 16, 1, 1)] }, "at no common size and depth");

        static void Expect(BandwidthProfile profile, string reason)
        {
            MeasuredBackend choice = Choose(profile);
            Assert.That(choice.Faster, Is.Null);
            Assert.That(choice.Reason, Does.StartWith("the bandwidth profile of 2026-11-25 ").And.Contain(reason));
        }
    }

    [Test]
    public void A_directory_is_known_by_any_of_its_spellings() =>
        Assert.That(MeasuredBackend.Of(_profile, "/x/../p/", Gpu, MiB, 16).Faster, Is.EqualTo(StorageBackend.CuFile));

    private static MeasuredBackend Choose(BandwidthProfile profile) => MeasuredBackend.Of(profile, "/p", Gpu, MiB, 16);

    private static PathBandwidth Row(string backend, long bytes, int depth, double read, double write) => new("/p", backend, bytes, depth, read, write, 0, 0, 0);
}
