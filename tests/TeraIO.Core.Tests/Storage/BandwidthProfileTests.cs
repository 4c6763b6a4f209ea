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
    public void The_slowest_path_sets_the_pace_of_all() =>
        Assert.That((_profile.ReadBandwidth, _profile.WriteBandwidth, _profile.Interference, _profile.LatencySeconds), Is.EqualTo((2e9, 3e9, 0.5, 2e-4)));

    [Test]
    public void A_store_on_some_of_the_paths_gets_their_figures()
    {
        Assert.That(_profile.For(["/mnt/a/"]), Is.EqualTo(new StoreBandwidth(3e9, 2e9, 0.25, 2e-10)));
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
