using System.Diagnostics;
using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

/// <summary>A store that is slowed down keeps its bytes and is never faster than the device it stands for.</summary>
[TestFixture]
public class EmulatedDeviceTests
{
    private const int Bytes = 4 << 20;
    private const double Rate = 64 << 20;

    private DirectoryInfo _directory = null!;

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-emulated-");

    [TearDown]
    public void RemoveDirectory() => _directory.Delete(recursive: true);

    [Test]
    public async Task No_direction_is_faster_than_the_device()
    {
        using TensorStore store = Open(Rate, Rate / 2);
        using var source = UnmanagedBytes.Filled(Bytes, seed: 3);
        using var target = UnmanagedBytes.Filled(Bytes, seed: 4);
        StoredCopy copy = store.Reserve(1, Bytes);

        long start = Stopwatch.GetTimestamp();
        await store.WriteAsync(copy, source.Address);
        double write = Stopwatch.GetElapsedTime(start).TotalSeconds;
        start = Stopwatch.GetTimestamp();
        await store.ReadAsync(copy, target.Address);
        double read = Stopwatch.GetElapsedTime(start).TotalSeconds;

        Assert.That(write, Is.GreaterThanOrEqualTo(Bytes / (Rate / 2)));
        Assert.That(read, Is.GreaterThanOrEqualTo(Bytes / Rate));
        Assert.That(target.Span.SequenceEqual(source.Span), Is.True);
        store.Release(copy);
    }

    [Test]
    public async Task Transfers_in_flight_together_share_the_bandwidth()
    {
        using TensorStore store = Open(Rate, double.MaxValue);
        using var source = UnmanagedBytes.Filled(Bytes, seed: 3);
        using var targets = UnmanagedBytes.Filled(4 * Bytes, seed: 4);
        StoredCopy copy = store.Reserve(1, Bytes);
        await store.WriteAsync(copy, source.Address);

        long start = Stopwatch.GetTimestamp();
        Task[] reads = [.. Enumerable.Range(0, 4).Select(i => store.ReadAsync(copy, targets.Address + (i * Bytes)).AsTask())];
        await Task.WhenAll(reads);

        Assert.That(Stopwatch.GetElapsedTime(start).TotalSeconds, Is.GreaterThanOrEqualTo(4 * Bytes / Rate));
        store.Release(copy);
    }

    [TestCase(0, 1)]
    [TestCase(1, -1)]
    [TestCase(double.NaN, 1)]
    [TestCase(1, double.PositiveInfinity)]
    public void A_bandwidth_that_is_none_is_refused(double read, double write)
    {
        Assert.That(() => Open(read, write), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("Emulated"));
        Assert.That(_directory.GetFileSystemInfos(), Is.Empty);
    }

    private TensorStore Open(double read, double write) => TensorStore.Open(new StoreOptions
    {
        Paths = [_directory.FullName],
        SegmentSize = ByteSize.FromMiB(8),
        Emulated = new EmulatedDevice(read, write),
    });
}
