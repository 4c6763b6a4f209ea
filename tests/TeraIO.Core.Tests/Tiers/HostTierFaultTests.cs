using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Tiers;
using TeraIO.TestSupport;
using static TeraIO.Core.Tests.Tiers.HostTierStores;

namespace TeraIO.Core.Tests.Tiers;

/// <summary>Spills that fail, stand still or meet other uses of their copy: no byte is lost and none is mixed up.</summary>
[TestFixture]
public class HostTierFaultTests
{
    private const int Bytes = 200_000; // five fit into 1 MiB

    private StoreDirectories _directories = null!;
    private UnmanagedBytes[] _tensors = null!;

    [SetUp]
    public void Prepare()
    {
        _directories = new StoreDirectories(2);
        _tensors = [.. Enumerable.Range(0, 8).Select(static i => UnmanagedBytes.Filled(Bytes, seed: i))];
    }

    [TearDown]
    public void Clean()
    {
        foreach (var tensor in _tensors)
            tensor.Dispose();
        _directories.Dispose();
    }

    [Test]
    public async Task A_spill_that_every_path_refuses_leaves_the_bytes_in_host_memory_and_is_reported()
    {
        var plan = FaultPlan.None();
        plan.AddBadRange("store.bin", 0, long.MaxValue, reads: false);
        using var store = Open(plan);
        List<StoredCopy> copies = await WriteFive(store);
        await Spilled(store);

        var host = store.Statistics.HostMemory!;
        Assert.That((host.FailedSpills, host.Spills), Is.EqualTo((1L, 0L)));
        Assert.That(host.LastSpillFailure, Does.Contain("could not be written"));
        var refused = Assert.ThrowsAsync<StorageException>(async () => await Write(store, 5));
        Assert.That(refused!.Message, Does.Contain("unchanged in memory"));
        await AssertHasAll(store, copies);
    }

    [Test]
    public async Task A_spill_that_one_path_refuses_goes_to_the_other()
    {
        var plan = FaultPlan.None();
        plan.AddBadRange(_directories[0], 0, long.MaxValue, reads: false);
        using var store = Open(plan);
        List<StoredCopy> copies = await WriteFive(store);
        await Spilled(store);
        await Write(store, 5);

        Assert.That((copies[0].Host is null, store.Statistics.HostMemory!.FailedSpills), Is.EqualTo((true, 0L)));
        Assert.That(await Read(store, copies[0]), Is.EqualTo(_tensors[0].Span.ToArray()));
    }

    [Test]
    public async Task Spills_end_where_every_path_has_reached_its_write_limit()
    {
        var limit = new PathOptions { WriteLimit = ByteSize.Zero };
        using var store = TensorStore.Open(Options() with { PathOptions = _directories.Paths.ToDictionary(static path => path, _ => limit) });
        List<StoredCopy> copies = await WriteFive(store);

        Assert.That(store.Statistics.HostMemory!.FailedSpills, Is.EqualTo(1));
        Assert.ThrowsAsync<StorageFullException>(async () => await store.WriteAsync(store.Reserve(5, Bytes), _tensors[5].Address));
        await AssertHasAll(store, copies);
    }

    [Test]
    public async Task Written_through_a_path_failure_is_the_writes_own()
    {
        var plan = FaultPlan.None();
        plan.AddBadRange("store.bin", 0, long.MaxValue, reads: false);
        using var store = Open(plan, HostMemoryMode.WriteThrough);
        var copy = store.Reserve(1, Bytes);

        Assert.ThrowsAsync<StorageException>(async () => await store.WriteAsync(copy, _tensors[1].Address));

        Assert.That((copy.IsValid, store.Statistics.HostMemory!.Resident), Is.EqualTo((false, ByteSize.Zero)));
    }

    [Test]
    public async Task What_host_memory_does_not_take_goes_to_the_paths()
    {
        var plan = FaultPlan.Nth(FaultKind.NoSpace, operation: 2);
        using var store = TensorStore.Open(Options(), logger: null, static backend => backend, backend => new FaultInjectingBackend(backend, plan));
        var copy = await Write(store, 1);

        Assert.That((copy.Host is null, copy.PathsAreCurrent, store.Statistics.HostMemory!.Resident), Is.EqualTo((true, true, ByteSize.Zero)));
        Assert.That(await Read(store, copy), Is.EqualTo(_tensors[1].Span.ToArray()));
    }

    [Test]
    public async Task A_copy_that_is_being_spilled_can_be_read_and_written_again()
    {
        var (store, backends) = OpenPaused();
        using (store)
        {
            List<StoredCopy> copies = await WriteFive(store);
            Assert.That(copies[0].Host!.Spill, Is.Not.Null, "the spill stands still");

            Assert.That(await Read(store, copies[0]), Is.EqualTo(_tensors[0].Span.ToArray()));
            var rewrite = store.WriteAsync(copies[0], _tensors[7].Address).AsTask();
            await RunUntil(backends, rewrite);

            Assert.That(await Read(store, copies[0]), Is.EqualTo(_tensors[7].Span.ToArray()));
            Assert.That(copies[0].PathsAreCurrent, Is.False, "the paths have older bytes at most");
            await RunUntil(backends, Spilled(store));
        }
    }

    [Test]
    public async Task A_write_does_not_begin_while_its_copy_is_being_spilled_and_changes_nothing()
    {
        var (store, backends) = OpenPaused();
        using (store)
        {
            var copies = new List<StoredCopy>();
            for (int i = 0; i < 5; i++)
                copies.Add(await Write(store, i));
            var place = copies[0].Host!;
            int users = place.Users;

            bool begins = store.HostTier!.TryBeginWrite(copies[0], new WriteHint(WriteTarget.Paths, 1), out var host, out var spill);

            Assert.That((begins, host, spill), Is.EqualTo((false, (HostCopy?)null, place.Spill)));
            Assert.That((spill, copies[0].Host, place.Users), Is.EqualTo((place.Spill, place, users)));
            Assert.That(place.Spill!.Cancellation.IsCancellationRequested, Is.False);
            await RunUntil(backends, Spilled(store));
            Assert.That(copies[0].PathsAreCurrent, Is.True, "the spill has ended as if nobody had asked");
            Assert.That(store.HostTier.TryBeginWrite(copies[0], new WriteHint(WriteTarget.Any, 1), out host, out spill), Is.True);
            Assert.That((host, spill, copies[0].PathsAreCurrent), Is.EqualTo((place, (HostSpill?)null, false)));
            store.HostTier.EndWrite(host!, complete: true);
        }
    }

    [Test]
    public async Task A_copy_that_is_being_spilled_can_be_released()
    {
        var (store, backends) = OpenPaused();
        using (store)
        {
            List<StoredCopy> copies = await WriteFive(store);

            foreach (var copy in copies)
                store.Release(copy);
            await RunUntil(backends, Spilled(store));

            Assert.That((store.Statistics.Used, store.Statistics.HostMemory!.Resident), Is.EqualTo((ByteSize.Zero, ByteSize.Zero)));
        }
    }

    [Test]
    public async Task A_store_is_disposed_with_spills_under_way()
    {
        using (var store = Open(FaultPlan.None()))
        {
            for (int i = 0; i < 8; i++)
                await Write(store, i);
        }

        Assert.That(_directories.Entries(0).Concat(_directories.Entries(1)), Is.Empty);
    }

    [Test]
    public async Task Every_fault_leaves_the_right_bytes_or_a_typed_error([Values] HostMemoryMode mode, [Values] FaultKind kind, [Values] bool forever)
    {
        await FaultSweep.RunAsync(kind, forever, plan => RunWorkload(mode, plan));

        Assert.That(_directories.Entries(0).Concat(_directories.Entries(1)), Is.Empty);
    }

    /// <summary>Faults hit host memory and paths alike. What is lost silently (a write that the device did not do) must show as corruption.</summary>
    private async Task RunWorkload(HostMemoryMode mode, FaultPlan plan)
    {
        using var store = TensorStore.Open(
            Options(mode) with { ReadRetries = 1, StripeSize = ByteSize.FromKiB(256) }, logger: null,
            backend => new FaultInjectingBackend(backend, plan), backend => new FaultInjectingBackend(backend, plan));
        var copies = new List<StoredCopy>();
        for (int i = 0; i < 6; i++)
        {
            try
            {
                copies.Add(store.Reserve(i, Bytes));
                await store.WriteAsync(copies[i], _tensors[i].Address);
            }
            catch (StorageFullException) when (copies.Count == i)
            {
                break;
            }
            catch (TeraIOException)
            {
                Assert.That(copies[i].IsValid, Is.False, "a failed write leaves no copy to read");
            }
        }

        for (int i = 0; i < copies.Count; i++)
        {
            if (!copies[i].IsValid)
                continue;
            try
            {
                Assert.That(await Read(store, copies[i]), Is.EqualTo(_tensors[i].Span.ToArray()));
            }
            catch (TeraIOException e)
            {
                Assert.That(e.TensorId, Is.EqualTo(i));
            }
        }

        await Spilled(store);
        foreach (var copy in copies)
            store.Release(copy);
        await Spilled(store);
        Assert.That((store.Statistics.Used, store.Statistics.HostMemory!.Resident), Is.EqualTo((ByteSize.Zero, ByteSize.Zero)), $"operation {plan.Operations}");
    }

    private async Task<StoredCopy> Write(TensorStore store, int i)
    {
        var copy = store.Reserve(i, Bytes);
        await store.WriteAsync(copy, _tensors[i].Address);
        return copy;
    }

    /// <summary>As many tensors as fit into host memory.</summary>
    private async Task<List<StoredCopy>> WriteFive(TensorStore store)
    {
        var copies = new List<StoredCopy>();
        for (int i = 0; i < 5; i++)
            copies.Add(await Write(store, i));
        return copies;
    }

    private async Task AssertHasAll(TensorStore store, List<StoredCopy> copies)
    {
        for (int i = 0; i < copies.Count; i++)
            Assert.That(await Read(store, copies[i]), Is.EqualTo(_tensors[i].Span.ToArray()), $"tensor {i}");
    }

    private static async Task RunUntil(List<InMemoryBackend> backends, Task ended)
    {
        while (!ended.IsCompleted)
        {
            foreach (var backend in backends)
                backend.RunPaused();
            await Task.Yield();
        }
        await ended;
    }

    private TensorStore Open(FaultPlan plan, HostMemoryMode mode = HostMemoryMode.WriteBack) =>
        TensorStore.Open(Options(mode), logger: null, backend => new FaultInjectingBackend(backend, plan));

    private (TensorStore Store, List<InMemoryBackend> Backends) OpenPaused()
    {
        var backends = new List<InMemoryBackend>();
        var store = TensorStore.Open(Options(), logger: null, () =>
        {
            backends.Add(new InMemoryBackend { IsPaused = true });
            return backends[^1];
        });
        return (store, backends);
    }

    private StoreOptions Options(HostMemoryMode mode = HostMemoryMode.WriteBack) => HostTierStores.Options(_directories.Paths, mode);
}
