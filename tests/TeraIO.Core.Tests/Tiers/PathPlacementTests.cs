using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Logging;
using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Tiers;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Tiers;

/// <summary>A store over unequal, limited and failing paths.</summary>
[TestFixture]
public class PathPlacementTests
{
    private const int StripeBytes = 65536;
    private const int TensorBytes = 16 * StripeBytes;

    private StoreDirectories _directories = null!;
    private UnmanagedBytes _tensor = null!;
    private UnmanagedBytes _found = null!;

    [SetUp]
    public void Prepare()
    {
        _directories = new StoreDirectories(2);
        _tensor = UnmanagedBytes.Filled(TensorBytes, seed: 1);
        _found = new UnmanagedBytes(TensorBytes);
    }

    [TearDown]
    public void Clean()
    {
        _tensor.Dispose();
        _found.Dispose();
        _directories.Dispose();
    }

    [Test]
    public void Stripes_follow_the_rates_of_the_paths()
    {
        using var store = Open();
        Assume(store, [300e6, 100e6], [300e6, 100e6]);

        var copy = store.Reserve(1, TensorBytes);

        Assert.That(OnPath(copy, 0), Is.EqualTo(12));
    }

    [Test]
    public void Both_directions_count()
    {
        using var store = Open();
        // A byte costs 1/100 + 1/300 on the first path, 1/300 + 1/100 on the second.
        Assume(store, reads: [300e6, 100e6], writes: [100e6, 300e6]);

        Assert.That(OnPath(store.Reserve(1, TensorBytes), 0), Is.EqualTo(8));
    }

    [Test]
    public async Task What_is_rewritten_leaves_a_path_that_became_slow()
    {
        using var store = Open();
        var copy = await Write(store);
        Assume(store, [1000e6, 50e6], [1000e6, 50e6]);

        await store.WriteAsync(copy, _tensor.Address);
        await store.ReadAsync(copy, _found.Address);

        Assert.That(OnPath(copy, 1), Is.LessThanOrEqualTo(3));
        Assert.That(store.Statistics.Paths[1].Moves, Is.GreaterThanOrEqualTo(5));
        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
    }

    [Test]
    public void A_path_too_slow_to_matter_gets_nothing_and_is_probed_until_it_is_fast_again()
    {
        using var store = Open();
        store.Reserve(0, 2 * StripeBytes); // both paths have room for a probe
        Assume(store, [1000e6, 1e3], [1000e6, 1e3]);

        var copy = store.Reserve(1, TensorBytes);

        Assert.That((OnPath(copy, 0), store.Statistics.Paths[1].State, store.Statistics.Paths[1].Share), Is.EqualTo((16, PathState.Slow, 0.0)));
        Assert.That(Eventually(() => store.Statistics.Paths[1].WriteRate > 1e6), Is.True, "the probe finds that memory is faster than 1 kB/s");
        store.Reserve(2, TensorBytes);
        Assert.That(store.Statistics.Paths[1].Probes, Is.EqualTo(1));
    }

    [Test]
    public async Task Fixed_shares_stay_whatever_is_measured()
    {
        using var store = Open(options: Options() with { FixedShares = [1, 3] });
        Assume(store, [1000e6, 10e6], [1000e6, 10e6]);

        var copy = await Write(store);

        Assert.That(OnPath(copy, 0), Is.EqualTo(4));
    }

    [Test]
    public async Task A_path_that_fails_gets_nothing_more_and_loses_nothing()
    {
        var plan = FaultPlan.None();
        using var store = Open(plan);
        var before = await Write(store);
        plan.AddBadRange(_directories[0], 0, long.MaxValue, reads: false);

        // Thirty-two stripes would go to the failing path, more than a transfer may relocate to its own path.
        for (int id = 2; id < 6; id++)
        {
            var copy = store.Reserve(id, TensorBytes);
            await store.WriteAsync(copy, _tensor.Address);
            await store.ReadAsync(copy, _found.Address);
            Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
        }
        await store.WriteAsync(before, _tensor.Address);

        Assert.That(OnPath(before, 0), Is.Zero);
        Assert.That(store.Statistics.Paths[0].State, Is.EqualTo(PathState.Failing));
    }

    [Test]
    public void When_every_path_fails_the_write_ends_with_an_error()
    {
        using var store = Open(FaultPlan.Nth(FaultKind.IoError, operation: 1, forever: true));

        Assert.ThrowsAsync<StorageException>(async () => await Write(store));
    }

    // cuFile: the transfer failed; GPUDirect Storage is disabled for this file; an internal error.
    [TestCase(5044)]
    [TestCase(5034)]
    [TestCase(5030)]
    public async Task A_device_error_of_one_paths_file_counts_against_the_path(int code)
    {
        var plan = FaultPlan.None();
        plan.DeviceErrorCode = code;
        using var store = Open(plan);
        plan.AddBadRange(_directories[0], 0, long.MaxValue, reads: false, kind: FaultKind.DeviceError);

        var copy = store.Reserve(1, TensorBytes);
        await store.WriteAsync(copy, _tensor.Address);
        await store.WriteAsync(copy, _tensor.Address);
        await store.ReadAsync(copy, _found.Address);

        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
        Assert.That((OnPath(copy, 0), store.Statistics.Paths[0].State), Is.EqualTo((0, PathState.Failing)));
    }

    // A CUresult (illegal address); cuFile: a CUDA call failed; memory could not be pinned; no file descriptor.
    [TestCase(700)]
    [TestCase(5011)]
    [TestCase(5036)]
    [TestCase(5031)]
    public async Task A_device_error_of_the_GPU_is_no_paths_fault(int code)
    {
        var plan = FaultPlan.Nth(FaultKind.DeviceError, operation: 17, forever: true);
        plan.DeviceErrorCode = code;
        using var store = Open(plan);
        var copy = await Write(store);

        for (int i = 0; i < 4; i++)
        {
            var read = Assert.ThrowsAsync<StorageException>(async () => await store.ReadAsync(copy, _found.Address));
            Assert.That(read!.Message, Does.Contain("The path is not to blame"));
        }
        var write = Assert.ThrowsAsync<StorageException>(async () => await store.WriteAsync(copy, _tensor.Address));

        Assert.That(write!.Message, Does.Contain("unchanged"));
        var found = store.Statistics;
        Assert.That(found.Paths.Select(static path => path.State), Is.All.EqualTo(PathState.Open));
        Assert.That((found.Relocations, found.Quarantined.Bytes), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task A_path_that_reached_its_write_limit_says_so_once_and_serves_reads()
    {
        var log = new LineLog();
        var limits = new Dictionary<string, PathOptions> { [_directories[0]] = new() { WriteLimit = new ByteSize(3 * StripeBytes) } };
        using var store = Open(options: Options() with { PathOptions = limits }, log: log);

        var copy = await Write(store);
        for (int i = 0; i < 3; i++)
            await store.WriteAsync(copy, _tensor.Address);
        await store.ReadAsync(copy, _found.Address);

        var worn = store.Statistics.Paths[0];
        Assert.That((worn.State, worn.BytesWritten, worn.WrittenTowardsLimit), Is.EqualTo((PathState.WornOut, worn.WriteLimit!.Value, worn.WriteLimit.Value)));
        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
        Assert.That(log.Lines.Where(static line => line.Contains("takes no more writes")), Has.Exactly(1).Contains(_directories[0]));
    }

    [Test]
    public async Task When_all_limits_are_reached_the_write_is_refused_and_names_them()
    {
        var limit = new PathOptions { WriteLimit = new ByteSize(10 * StripeBytes) };
        using var store = Open(options: Options() with { PathOptions = _directories.Paths.ToDictionary(static path => path, _ => limit) });
        var copy = await Write(store);

        var refused = Assert.ThrowsAsync<StorageFullException>(async () => await store.WriteAsync(copy, _tensor.Address));

        Assert.That(refused!.Message, Does.Contain("write limit").And.Contain(_directories[0]));
        Assert.That((copy.IsValid, store.TransfersInFlight), Is.EqualTo((false, 0)));
    }

    [Test]
    public void A_paths_capacity_is_not_passed()
    {
        var limits = new Dictionary<string, PathOptions> { [_directories[1]] = new() { Capacity = new ByteSize(2 * StripeBytes) } };
        using var store = Open(options: Options() with { PathOptions = limits });

        for (int i = 0; i < 4; i++)
            store.Reserve(i, TensorBytes);

        Assert.That(store.Statistics.Paths[1].Capacity.Bytes, Is.EqualTo(2 * StripeBytes));
        Assert.That(store.Statistics.Used.Bytes, Is.EqualTo(4 * TensorBytes));
    }

    [Test]
    public void A_path_may_have_a_queue_depth_of_its_own()
    {
        var limits = new Dictionary<string, PathOptions> { [_directories[1]] = new() { QueueDepth = 2 } };
        using var store = Open(options: Options() with { PathOptions = limits });

        Assert.That(store.Statistics.Paths.Select(static path => path.QueueDepth), Is.EqualTo(new[] { 8, 2 }));
    }

    [Test]
    public void Options_that_fit_no_path_are_refused()
    {
        var stranger = Options() with { PathOptions = new Dictionary<string, PathOptions> { ["/elsewhere"] = new() } };
        var one = Options() with { FixedShares = [1] };
        var zeros = Options() with { FixedShares = [0, 0] };
        var depth = Options() with { PathOptions = new Dictionary<string, PathOptions> { [_directories[0]] = new() { QueueDepth = 0 } } };

        Assert.That(() => TensorStore.Open(stranger), Throws.TypeOf<ConfigurationException>().With.Message.Contains("/elsewhere"));
        Assert.That(() => TensorStore.Open(one), Throws.TypeOf<ConfigurationException>().With.Message.Contains("FixedShares"));
        Assert.That(() => TensorStore.Open(zeros), Throws.TypeOf<ConfigurationException>().With.Message.Contains("FixedShares"));
        Assert.That(() => TensorStore.Open(depth), Throws.TypeOf<ConfigurationException>().With.Message.Contains("QueueDepth"));
    }

    [FsCheck.NUnit.Property(MaxTest = 40)]
    public Property No_bytes_are_lost_and_no_limit_is_passed_whatever_the_rates_and_faults() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue - 1).ToArbitrary(),
        seed =>
        {
            var random = new Random(seed);
            var limit = new PathOptions { WriteLimit = new ByteSize(random.Next(1, 200) * 4096L), Capacity = new ByteSize(random.Next(20, 60) * (long)StripeBytes) };
            var plan = FaultPlan.Nth(FaultKind.IoError, operation: random.Next(1, 60), seed: seed);
            using var store = Open(plan, Options() with { PathOptions = new Dictionary<string, PathOptions> { [_directories[1]] = limit } });
            var written = new Dictionary<StoredCopy, int>();
            for (int step = 0; step < 12; step++)
            {
                Assume(store, [random.Next(1, 1000) * 1e6, random.Next(1, 1000) * 1e6], [random.Next(1, 1000) * 1e6, random.Next(1, 1000) * 1e6]);
                var copy = written.Count < 3 || random.Next(2) == 0 ? store.Reserve(step, random.Next(1, TensorBytes)) : written.Keys.ElementAt(random.Next(written.Count));
                if (TryWrite(store, copy, seed: step))
                    written[copy] = step;
                else
                    written.Remove(copy);
            }
            var path = store.Statistics.Paths[1];
            return written.All(entry => Holds(store, entry.Key, entry.Value)) && written.Count > 0
                && path.WrittenTowardsLimit <= limit.WriteLimit && path.BytesWritten <= limit.WriteLimit && path.Capacity <= limit.Capacity;
        });

    private static bool TryWrite(TensorStore store, StoredCopy copy, int seed)
    {
        using var source = UnmanagedBytes.Filled((int)copy.Bytes, seed);
        try
        {
            store.WriteAsync(copy, source.Address).AsTask().GetAwaiter().GetResult();
            return true;
        }
        catch (TeraIOException)
        {
            return false;
        }
    }

    private static bool Holds(TensorStore store, StoredCopy copy, int seed)
    {
        using var found = new UnmanagedBytes((int)copy.Bytes);
        using var expected = UnmanagedBytes.Filled((int)copy.Bytes, seed);
        store.ReadAsync(copy, found.Address).AsTask().GetAwaiter().GetResult();
        return found.Span.SequenceEqual(expected.Span);
    }

    /// <summary>As if the paths had been measured to be so fast.</summary>
    private static void Assume(TensorStore store, double[] reads, double[] writes)
    {
        for (int i = 0; i < store.Paths.Count; i++)
        {
            store.Paths[i].Condition.Reads.Adopt(reads[i]);
            store.Paths[i].Condition.Writes.Adopt(writes[i]);
        }
    }

    private static int OnPath(StoredCopy copy, int path) => copy.Stripes.Count(stripe => stripe.PathIndex == path);

    private static bool Eventually(Func<bool> condition) => SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(30));

    private async Task<StoredCopy> Write(TensorStore store)
    {
        var copy = store.Reserve(1, TensorBytes);
        await store.WriteAsync(copy, _tensor.Address);
        return copy;
    }

    private TensorStore Open(FaultPlan? plan = null, StoreOptions? options = null, ILogger? log = null) =>
        TensorStore.Open(options ?? Options(), log, () => new FaultInjectingBackend(new InMemoryBackend(), plan ?? FaultPlan.None()));

    private StoreOptions Options() => new()
    {
        Paths = _directories.Paths,
        StripeSize = new ByteSize(StripeBytes),
        SegmentSize = ByteSize.FromMiB(1),
        QueueDepth = 8,
    };

    /// <summary>Keeps what was logged.</summary>
    private sealed class LineLog : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (Lines)
                Lines.Add(formatter(state, exception));
        }
    }
}
