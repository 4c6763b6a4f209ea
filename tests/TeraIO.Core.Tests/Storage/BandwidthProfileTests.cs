using System.Text;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Storage;

public sealed class BandwidthProfileTests
{
    private static readonly PathBandwidth _fast = new("/mnt/a", "io_uring", 1 << 20, 16, 3e9, 2e9, 0.25, 1e-4, 2e-10);
    private static readonly PathBandwidth _slow = new("/mnt/b", "io_uring", 1 << 20, 8, 1e9, 1.5e9, 0.5, 2e-4, 4e-10);
    private static readonly BandwidthProfile _profile = new("Linux, two disks", new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero), [_fast, _slow]);

    [Test]
    public void What_is_written_is_read()
    {
        BandwidthProfile read = Read(Written(_profile));
        Assert.That(read.Paths, Is.EqualTo(_profile.Paths));
        Assert.That((read.Machine, read.MeasuredAt), Is.EqualTo((_profile.Machine, _profile.MeasuredAt)));
    }

    [Test]
    public void The_gpu_and_all_measured_settings_are_kept()
    {
        BandwidthProfile read = Read(Written(_profile with { Gpu = "a GPU at 0000:3b:00.0", Measured = [_fast, _slow, _fast with { Backend = "threads" }] }));
        Assert.That(read.Gpu, Is.EqualTo("a GPU at 0000:3b:00.0"));
        Assert.That(read.Measured, Is.EqualTo(new[] { _fast, _slow, _fast with { Backend = "threads" } }));
        Assert.That(Written(_profile), Does.Not.Contain("gpu").And.Not.Contain("measured\""));
    }

    [Test]
    public void A_store_gets_the_best_figures_of_the_backend_that_moves_its_bytes()
    {
        PathBandwidth threads = new("/mnt/a", "threads", 1 << 20, 4, 1e9, 1e9, 0, 1e-4, 1e-10);
        BandwidthProfile profile = _profile with { Measured = [_fast, threads with { ReadBandwidth = 5e8 }, threads, threads with { Path = "/mnt/c", ReadBandwidth = 9e9 }] };
        Assert.That(profile.For(["/mnt/a/"], backends: [StorageBackend.Threads]), Is.EqualTo(new StoreBandwidth(1e9, 1e9, 0, 1e-10)));
        Assert.That(profile.For(["/mnt/a/"], backends: [StorageBackend.IoUring]), Is.EqualTo(profile.For(["/mnt/a/"])));
        Assert.That(profile.For(["/mnt/a/"], backends: [StorageBackend.CuFile]), Is.EqualTo(profile.For(["/mnt/a/"])), "it was not measured");
        Assert.That(() => profile.For(["/mnt/a/"], backends: []), Throws.ArgumentException);
    }

    [Test]
    public void Paths_of_one_kind_give_the_sum_of_their_rates()
    {
        BandwidthProfile alike = _profile with { Paths = [_fast, _fast with { Path = "/mnt/b", ReadBandwidth = 1.5e9, WriteBandwidth = 1e9, Interference = 0.5, LatencySeconds = 2e-4, CpuSecondsPerByte = 5e-10 }] };
        AssertTogether(alike.Together(), 4.5e9, 3e9, interference: 0.5, cpu: (2 * 2e-10 / 3) + (5e-10 / 3));
        Assert.That(alike.LatencySeconds, Is.EqualTo(2e-4));
    }

    // Worth 2.4 and 1.2 GB/s, so that shares are 2/3 and 1/3: the first path ends its writes last, the second its reads.
    [Test]
    public void What_one_path_takes_longest_for_sets_the_pace_of_a_direction() =>
        AssertTogether(_profile.Together(), 1e9 / (1.0 / 3), 2e9 / (2.0 / 3), interference: 0.5, cpu: (2 * 2e-10 / 3) + (4e-10 / 3));

    [Test]
    public void Fixed_shares_divide_in_place_of_the_rates()
    {
        AssertTogether(_profile.Together([1, 1]), 2e9, 3e9, interference: 0.5, cpu: 3e-10);
        AssertTogether(_profile.Together([5, 0]), 3e9, 2e9, interference: 0.25, cpu: 2e-10);
        Assert.That(() => _profile.Together([1]), Throws.TypeOf<ConfigurationException>().With.Message.Contains("1 weights for 2 paths"));
    }

    [Test]
    public void A_path_too_slow_for_a_share_does_not_count()
    {
        BandwidthProfile profile = _profile with { Paths = [_fast, new PathBandwidth("/mnt/tape", "threads", 4096, 1, 1e6, 1e6, 1, 1, 1e-6)] };
        AssertTogether(profile.Together(), 3e9, 2e9, interference: 0.25, cpu: 2e-10);
        Assert.That(profile.LatencySeconds, Is.EqualTo(1e-4));
    }

    [Test]
    public void A_store_on_some_of_the_paths_gets_their_figures()
    {
        Assert.That(_profile.For(["/mnt/a/"]), Is.EqualTo(new StoreBandwidth(3e9, 2e9, 0.25, 2e-10)));
        AssertTogether(_profile.For(["/mnt/b", "/mnt/a"], [1, 3]), 4e9, 8e9 / 3, interference: 0.5, cpu: 2.5e-10);
        Assert.That(() => _profile.For(["/mnt/c"]), Throws.TypeOf<ConfigurationException>().With.Message.Contains("teraio bench --path /mnt/c"));
    }

    [TestCase("\"version\":1", "\"version\":2", "version is 2")]
    [TestCase("teraio-bandwidth-profile", "teraio-plan", "format")]
    [TestCase("3000000000", "-1", "readBandwidth is -1")]
    [TestCase("0.25", "1.5", "interference is 1.5")]
    [TestCase("\"queueDepth\":16", "\"queueDepth\":0", "more than 0")]
    [TestCase("\"backend\"", "\"beckend\"", "beckend")]
    [TestCase("2026-11-25T12:00:00.0000000+00:00", "yesterday", "measuredAt")]
    public void A_figure_that_makes_no_sense_is_refused_with_its_place(string from, string to, string message)
    {
        string text = Written(_profile).Replace("\"version\": 1", "\"version\":1", StringComparison.Ordinal);
        Assert.That(text, Does.Contain(from));
        Assert.That(() => Read(text.Replace(from, to, StringComparison.Ordinal)), Throws.TypeOf<TraceFormatException>().With.Message.Contains(message));
    }

    [Test]
    public void A_profile_without_paths_or_cut_short_is_refused()
    {
        Assert.That(() => Read(Written(_profile with { Paths = [] })), Throws.TypeOf<TraceFormatException>().With.Message.Contains("paths is empty"));
        string text = Written(_profile);
        for (int length = 0; length < text.TrimEnd().Length; length += 7) Assert.That(() => Read(text[..length]), Throws.TypeOf<TraceFormatException>(), $"{length} bytes");
    }

    private static void AssertTogether(StoreBandwidth found, double read, double write, double interference, double cpu)
    {
        Assert.That(found.ReadBandwidth, Is.EqualTo(read).Within(1e-9).Percent);
        Assert.That(found.WriteBandwidth, Is.EqualTo(write).Within(1e-9).Percent);
        Assert.That(found.Interference, Is.EqualTo(interference));
        Assert.That(found.CpuSecondsPerByte, Is.EqualTo(cpu).Within(1e-9).Percent);
    }

    private static string Written(BandwidthProfile profile)
    {
        using var stream = new MemoryStream();
        BandwidthProfileFile.Write(profile, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static BandwidthProfile Read(string text)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        return BandwidthProfileFile.Read(stream);
    }
}
