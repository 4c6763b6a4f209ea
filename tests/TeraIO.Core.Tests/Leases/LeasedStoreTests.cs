using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Leases;

/// <summary>Stores whose transfers need leases. The test itself is the other store: it takes tickets of the same queues.</summary>
[TestFixture]
public class LeasedStoreTests
{
    private const int Stripe = 4096;
    private const int Reads = 0;
    private const int Writes = 1;

    private LeaseDirectory _locks = null!;
    private DirectoryInfo _path = null!;

    [SetUp]
    public void CreateDirectories()
    {
        _locks = new LeaseDirectory();
        _path = Directory.CreateTempSubdirectory("teraio-leased-");
    }

    [TearDown]
    public void DeleteDirectories()
    {
        _path.Delete(recursive: true);
        _locks.Dispose();
    }

    [TestCase(LeaseMode.None)]
    [TestCase(LeaseMode.Global)]
    [TestCase(LeaseMode.PerPath)]
    public async Task Stores_that_share_a_path_keep_their_bytes_and_leave_no_file(LeaseMode mode)
    {
        const int Bytes = 3 << 20;
        using (TensorStore first = OpenReal(mode))
        using (TensorStore second = OpenReal(mode))
        {
            Assert.That((first.SharingStores, second.SharingStores), Is.EqualTo((2, 2)));
            await Task.WhenAll(Enumerable.Range(0, 8).Select(i => RoundTrip(i % 2 == 0 ? first : second, i)));
            foreach (LeaseStatistics leases in first.LeaseStatistics.Concat(second.LeaseStatistics))
            {
                Assert.That(leases.Holds, Is.Positive);
                Assert.That(leases.Bytes.Bytes, Is.EqualTo((mode == LeaseMode.Global ? 2 : 1) * 4L * Bytes));
            }
        }

        Assert.That(_locks.Entries, Is.Empty);

        static async Task RoundTrip(TensorStore store, int seed)
        {
            using var source = UnmanagedBytes.Filled(Bytes, seed);
            using var target = UnmanagedBytes.Filled(Bytes, seed + 100);
            StoredCopy copy = store.Reserve(seed, Bytes);
            await store.WriteAsync(copy, source.Address);
            await store.ReadAsync(copy, target.Address);
            Assert.That(target.Span.SequenceEqual(source.Span), Is.True);
            store.Release(copy);
        }
    }

    [Test]
    public async Task A_read_waits_for_the_lease_that_another_holds_and_does_not_block_its_caller()
    {
        var backend = new InMemoryBackend();
        using TensorStore store = Open(backend, out LeaseFile other);
        using LeaseFile member = other;
        using var tensor = UnmanagedBytes.Filled(Stripe, seed: 1);
        StoredCopy copy = store.Reserve(1, Stripe);
        await store.WriteAsync(copy, tensor.Address);
        int before = backend.Accepted.Count;
        var queue = new LeaseQueue(other, Reads);
        long ticket = queue.Enter();
        queue.Wait(ticket);

        ValueTask read = store.ReadAsync(copy, tensor.Address);
        int during = backend.Accepted.Count;
        queue.Leave(ticket);
        await read;

        Assert.That((during, backend.Accepted.Count), Is.EqualTo((before, before + 1)));
        store.Release(copy);
    }

    [Test]
    public async Task A_read_cancelled_while_it_waits_ends_without_a_lease()
    {
        var backend = new InMemoryBackend();
        using TensorStore store = Open(backend, out LeaseFile other);
        using LeaseFile member = other;
        using var tensor = UnmanagedBytes.Filled(Stripe, seed: 1);
        StoredCopy copy = store.Reserve(1, Stripe);
        await store.WriteAsync(copy, tensor.Address);
        int before = backend.Accepted.Count;
        var queue = new LeaseQueue(other, Reads);
        long ticket = queue.Enter();
        queue.Wait(ticket);

        using var cancel = new CancellationTokenSource();
        Task read = store.ReadAsync(copy, tensor.Address, ct: cancel.Token).AsTask();
        await cancel.CancelAsync();

        Assert.That(async () => await read, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(backend.Accepted, Has.Count.EqualTo(before));
        queue.Leave(ticket);
        await store.ReadAsync(copy, tensor.Address);
        store.Release(copy);
    }

    [Test]
    public async Task A_lease_ends_with_its_bytes_when_another_waits()
    {
        const int PerLease = 3;
        var backend = new InMemoryBackend { IsPaused = true };
        using TensorStore store = Open(backend, out LeaseFile other, new LeaseOptions { BytesPerLease = new ByteSize(PerLease * Stripe) }, queueDepth: 1);
        using LeaseFile member = other;
        using var tensor = UnmanagedBytes.Filled(8 * Stripe, seed: 1);
        StoredCopy copy = store.Reserve(1, tensor.Length);
        Task write = store.WriteAsync(copy, tensor.Address).AsTask();
        backend.AwaitAccepted(1);
        var queue = new LeaseQueue(other, Writes);
        long ticket = queue.Enter();
        using var stop = new CancellationTokenSource();
        Task device = Task.Factory.StartNew(() => RunDevice(backend, stop.Token), TaskCreationOptions.LongRunning);

        queue.Wait(ticket); // returns because the store gave its lease back in the middle of a tensor
        int underFirst = backend.Accepted.Count;
        queue.Leave(ticket);
        await write;

        // Two leases' worth at most, if the first ended before the ticket was there; fewer, if one ended early because the next stripe was still being hashed.
        Assert.That(underFirst, Is.InRange(1, 2 * PerLease));
        Assert.That(backend.Accepted, Has.Count.EqualTo(8));
        await stop.CancelAsync();
        await device;
        store.Release(copy);
    }

    [Test]
    public async Task A_lease_that_nobody_waits_for_goes_on()
    {
        using TensorStore store = Open(new InMemoryBackend(), out LeaseFile other, new LeaseOptions { BytesPerLease = new ByteSize(Stripe) });
        using LeaseFile member = other;
        using var tensor = UnmanagedBytes.Filled(64 * Stripe, seed: 1);
        StoredCopy copy = store.Reserve(1, tensor.Length);

        await store.WriteAsync(copy, tensor.Address);

        LeaseStatistics writes = store.LeaseStatistics[Writes];
        Assert.That(writes.Holds + writes.Renewals, Is.GreaterThanOrEqualTo(64));
        Assert.That(writes.Renewals, Is.Positive);
        Assert.That(writes.Bytes.Bytes, Is.EqualTo(64 * Stripe));
        store.Release(copy);
    }

    [Test]
    public void Stores_measure_a_device_one_after_the_other()
    {
        const int Probes = 2;
        using TensorStore store = OpenReal(LeaseMode.None);
        using LeaseFile other = LeaseFile.Join(_locks.Entries.Single(), slots: 1);
        var queue = new LeaseQueue(other, Probes);
        long ticket = queue.Enter();
        Task<StoreBandwidth> probe = Task.Factory.StartNew(() => StoreProbe.Measure(store), TaskCreationOptions.LongRunning);

        queue.Wait(ticket);
        queue.Leave(ticket);

        Assert.That(probe.Result.ReadBandwidth, Is.Positive);
        Assert.That(other.NextTicket(Probes), Is.EqualTo(2), "the store took a ticket of its own");
    }

    [Test]
    public void Leases_that_do_not_work_any_more_let_everything_through()
    {
        LeaseFile file = _locks.Join();
        using var client = new LeaseClient(new LeaseQueue(file, Reads), "reads", 1, NullLogger.Instance);
        using var user = new CountingUser(client);
        client.Attach(user);
        file.Dispose();

        bool first = client.TryBegin(1, wasWaiting: false);
        user.Granted.Wait();

        Assert.That((first, user.HasBegun, client.TryBegin(1, wasWaiting: false)), Is.EqualTo((false, true, true)));
    }

    [TestCase(0, 1, "Slots")]
    [TestCase(65, 1, "Slots")]
    [TestCase(1, 0, "BytesPerLease")]
    public void An_option_outside_its_limits_is_refused_by_name(int slots, long bytes, string option) =>
        Assert.That(
            () => OpenReal(new LeaseOptions { Directory = _locks.Path, Slots = slots, BytesPerLease = new ByteSize(bytes) }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains(option));

    [Test]
    public void A_missing_directory_is_refused_by_name()
    {
        Assert.That(
            () => OpenReal(new LeaseOptions { Directory = "/nowhere/at/all" }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("/nowhere/at/all"));
        Assert.That(_path.GetFileSystemInfos(), Is.Empty);
    }

    private static void RunDevice(InMemoryBackend backend, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            if (!backend.RunPaused()) Thread.Yield();
        }
    }

    private TensorStore OpenReal(LeaseMode mode) => OpenReal(new LeaseOptions { Mode = mode, Directory = _locks.Path, BytesPerLease = ByteSize.FromMiB(2) });

    private TensorStore OpenReal(LeaseOptions leases) =>
        TensorStore.Open(new StoreOptions { Paths = [_path.FullName], SegmentSize = ByteSize.FromMiB(8), Leases = leases });

    /// <summary>A store over memory, and a second member of its device.</summary>
    private TensorStore Open(InMemoryBackend backend, out LeaseFile other, LeaseOptions? leases = null, int queueDepth = 32)
    {
        TensorStore store = TensorStore.Open(
            new StoreOptions
            {
                Paths = [_path.FullName],
                StripeSize = new ByteSize(Stripe),
                SegmentSize = ByteSize.FromMiB(1),
                QueueDepth = queueDepth,
                Leases = (leases ?? new LeaseOptions()) with { Directory = _locks.Path },
            },
            logger: null,
            () => backend);
        other = LeaseFile.Join(_locks.Entries.Single(), slots: 1);
        return store;
    }

    private sealed class CountingUser(LeaseClient client) : ILeaseUser, IDisposable
    {
        public ManualResetEventSlim Granted { get; } = new();

        public bool HasBegun { get; private set; }

        public void OnGranted()
        {
            HasBegun = client.TryBegin(1, wasWaiting: true);
            Granted.Set();
        }

        public void Dispose() => Granted.Dispose();
    }
}
