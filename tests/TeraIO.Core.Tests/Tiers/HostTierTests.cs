using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Tiers;
using TeraIO.TestSupport;
using static TeraIO.Core.Tests.Tiers.HostTierStores;

namespace TeraIO.Core.Tests.Tiers;

/// <summary>A store with host memory in front of two paths: where bytes are, who leaves, and what is read back.</summary>
[TestFixture]
public class HostTierTests
{
    private const int Bytes = 200_000; // 4 stripes, 200 KiB with padding: five fit into 1 MiB

    private StoreDirectories _directories = null!;
    private readonly List<UnmanagedBytes> _memory = [];

    [SetUp]
    public void CreateDirectories() => _directories = new StoreDirectories(2);

    [TearDown]
    public void Clean()
    {
        foreach (var bytes in _memory)
            bytes.Dispose();
        _memory.Clear();
        _directories.Dispose();
    }

    [Test]
    public async Task Written_back_a_tensor_comes_from_host_memory_and_no_path_has_seen_it(
        [Values(1, 4096, 65537, Bytes)] int bytes, [Values(0, 8)] int misalignment)
    {
        using var store = Open();
        var source = Filled(1, bytes, misalignment);
        var found = Filled(2, bytes, misalignment);
        var copy = store.Reserve(3, bytes);

        await store.WriteAsync(copy, source.Address);
        await store.ReadAsync(copy, found.Address);

        Assert.That(found.Span.SequenceEqual(source.Span), Is.True);
        Assert.That((store.Statistics.BytesWritten, store.Statistics.BytesRead), Is.EqualTo((ByteSize.Zero, ByteSize.Zero)));
        var host = store.Statistics.HostMemory!;
        Assert.That((host.BytesIn.Bytes, host.BytesOut.Bytes, host.Hits, host.Misses), Is.EqualTo(((long)bytes, (long)bytes, 1L, 0L)));
        Assert.That(host.Resident.Bytes, Is.EqualTo(PaddedBytes(copy)));
    }

    [Test]
    public async Task Written_through_the_paths_have_it_too_when_the_write_ends()
    {
        using var store = Open(HostMemoryMode.WriteThrough);
        var source = Filled(1);
        var copy = await Write(store, 1, source);

        Assert.That((store.Statistics.BytesWritten.Bytes, store.Statistics.HostMemory!.BytesIn.Bytes), Is.EqualTo(((long)Bytes, (long)Bytes)));
        Assert.That(await Read(store, copy), Is.EqualTo(source.Span.ToArray()));
        Assert.That(store.Statistics.BytesRead, Is.EqualTo(ByteSize.Zero), "the read was served by host memory");
    }

    [Test]
    public async Task Written_through_the_oldest_copy_makes_room_without_io_and_is_read_from_the_paths()
    {
        using var store = Open(HostMemoryMode.WriteThrough);
        var copies = new List<StoredCopy>();
        for (int i = 0; i < 6; i++)
            copies.Add(await Write(store, i, Filled(i)));

        Assert.That(copies.Select(static copy => copy.Host is not null), Is.EqualTo(new[] { false, true, true, true, true, true }));
        var host = store.Statistics.HostMemory!;
        Assert.That((host.Drops, host.Spills, store.Statistics.BytesWritten.Bytes), Is.EqualTo((1L, 0L, 6L * Bytes)));
        for (int i = 0; i < 6; i++)
            Assert.That(await Read(store, copies[i]), Is.EqualTo(Filled(i).Span.ToArray()));
    }

    [Test]
    public async Task A_tensor_larger_than_the_budget_goes_to_the_paths()
    {
        using var store = Open();
        var source = Filled(1, (1 << 20) + 1);
        var copy = await Write(store, 1, source);

        Assert.That((store.Statistics.BytesWritten.Bytes, store.Statistics.HostMemory!.Resident), Is.EqualTo((source.Length + 0L, ByteSize.Zero)));
        Assert.That(await Read(store, copy), Is.EqualTo(source.Span.ToArray()));
    }

    [Test]
    public async Task Under_pressure_the_least_recently_used_is_spilled_ahead_of_need()
    {
        using var store = Open();
        var first = await Write(store, 0, Filled(0));
        var second = await Write(store, 1, Filled(1));
        await Read(store, first);
        for (int i = 2; i < 5; i++)
            await Write(store, i, Filled(i));
        await Spilled(store);

        Assert.That((second.PathsAreCurrent, first.PathsAreCurrent), Is.EqualTo((true, false)));
        Assert.That((store.Statistics.HostMemory!.Spills, store.Statistics.HostMemory.BytesSpilled.Bytes), Is.EqualTo((1L, (long)Bytes)));

        await Write(store, 5, Filled(5));
        Assert.That((second.Host, store.Statistics.HostMemory.Drops), Is.EqualTo(((HostCopy?)null, 1L)), "what was spilled made room");
        Assert.That(await Read(store, second), Is.EqualTo(Filled(1).Span.ToArray()));
    }

    [Test]
    public async Task By_a_plan_what_is_needed_last_is_spilled_first()
    {
        using var store = Open();
        var copies = new List<StoredCopy>();
        long[] nextUses = [10, 40, 20, 50, 30];
        for (int i = 0; i < nextUses.Length; i++)
        {
            copies.Add(store.Reserve(i, Bytes));
            await Write(store, copies[i], Filled(i), new WriteHint(WriteTarget.Any, nextUses[i]));
        }
        await Spilled(store);

        Assert.That(copies.Select(static copy => copy.PathsAreCurrent), Is.EqualTo(new[] { false, false, false, true, false }));
    }

    [Test]
    public async Task What_is_needed_later_than_all_that_could_make_room_goes_to_the_paths()
    {
        using var store = Open(HostMemoryMode.WriteThrough);
        for (int i = 0; i < 5; i++)
            await Write(store, store.Reserve(i, Bytes), Filled(i), new WriteHint(WriteTarget.Any, 10));

        var later = store.Reserve(5, Bytes);
        await Write(store, later, Filled(5), new WriteHint(WriteTarget.Any, 11));
        Assert.That((later.Host, store.Statistics.HostMemory!.Drops), Is.EqualTo(((HostCopy?)null, 0L)));

        var sooner = store.Reserve(6, Bytes);
        await Write(store, sooner, Filled(6), new WriteHint(WriteTarget.Any, 9));
        Assert.That((sooner.Host is not null, store.Statistics.HostMemory.Drops), Is.EqualTo((true, 1L)));
    }

    [Test]
    public async Task A_write_goes_to_the_tier_that_a_plan_names_and_others_leave_its_share_alone()
    {
        using var store = Open();
        store.SetPlannedHostBytes(900_000);

        var unplanned = await Write(store, 0, Filled(0));
        var toPaths = store.Reserve(1, Bytes);
        await Write(store, toPaths, Filled(1), new WriteHint(WriteTarget.Paths, long.MaxValue));
        var toHost = store.Reserve(2, Bytes);
        await Write(store, toHost, Filled(2), new WriteHint(WriteTarget.Host, long.MaxValue));

        Assert.That((unplanned.Host is null, toPaths.Host is null, toHost.Host is null), Is.EqualTo((true, true, false)));
        await Write(store, toHost, Filled(3), new WriteHint(WriteTarget.Paths, long.MaxValue));
        Assert.That((toHost.Host, store.Statistics.HostMemory!.Resident), Is.EqualTo(((HostCopy?)null, ByteSize.Zero)));
        Assert.That(await Read(store, toHost), Is.EqualTo(Filled(3).Span.ToArray()));
    }

    [Test]
    public async Task A_spare_copy_is_dropped_without_io_and_is_then_not_valid()
    {
        using var store = Open();
        var spare = await Write(store, 0, Filled(0));
        store.MarkSpare(spare);
        for (int i = 1; i < 6; i++)
            await Write(store, i, Filled(i));

        Assert.That((spare.IsValid, spare.Host), Is.EqualTo((false, (HostCopy?)null)));
        Assert.That(store.Matches(spare, Filled(0).Address), Is.False);
        Assert.ThrowsAsync<InvalidOperationException>(async () => await store.ReadAsync(spare, 0));
    }

    [Test]
    public async Task A_spare_copy_that_matches_is_kept_from_then_on()
    {
        using var store = Open();
        var source = Filled(0);
        var copy = await Write(store, 0, source);
        store.MarkSpare(copy);

        Assert.That(store.Matches(copy, source.Address), Is.True);
        for (int i = 1; i < 9; i++)
            await Write(store, i, Filled(i));

        Assert.That(await Read(store, copy), Is.EqualTo(source.Span.ToArray()));
    }

    [Test]
    public async Task A_rewrite_keeps_its_place()
    {
        using var store = Open();
        var copy = await Write(store, 0, Filled(0));
        await Write(store, copy, Filled(1), WriteHint.None);

        Assert.That(store.Statistics.HostMemory!.Peak.Bytes, Is.EqualTo(PaddedBytes(copy)));
        Assert.That(await Read(store, copy), Is.EqualTo(Filled(1).Span.ToArray()));
    }

    [Test]
    public async Task Released_room_serves_the_next_tensor()
    {
        using var store = Open();
        for (int i = 0; i < 20; i++)
            store.Release(await Write(store, i, Filled(i, 900_000)));

        var host = store.Statistics.HostMemory!;
        Assert.That((host.Resident, host.Bypasses, store.Statistics.BytesWritten), Is.EqualTo((ByteSize.Zero, 0L, ByteSize.Zero)), "nothing was ever written to a disk");
    }

    [Test]
    public async Task Bytes_damaged_in_host_memory_are_found_out()
    {
        using var store = Open();
        var copy = await Write(store, 42, Filled(1));
        Damage(store, copy);
        var found = Filled(2);

        var corrupt = Assert.ThrowsAsync<CorruptionException>(async () => await store.ReadAsync(copy, found.Address));

        Assert.That((corrupt!.TensorId, corrupt.Path), Is.EqualTo(((long?)42, "host memory")));
        Assert.That(found.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1), "a damaged tensor is cleared");
    }

    [Test]
    public async Task Bytes_damaged_in_host_memory_are_found_out_after_a_spill_as_well()
    {
        using var store = Open();
        var copy = await Write(store, 0, Filled(0));
        Damage(store, copy);
        for (int i = 1; i < 5; i++)
            await Write(store, i, Filled(i));
        await Spilled(store);
        await Write(store, 5, Filled(5));

        Assert.That(copy.Host, Is.Null);
        Assert.ThrowsAsync<CorruptionException>(async () => await Read(store, copy));
    }

    [Test]
    public async Task Bytes_damaged_in_host_memory_come_from_the_paths_where_those_have_them()
    {
        using var store = Open(HostMemoryMode.WriteThrough);
        var source = Filled(1);
        var copy = await Write(store, 42, source);
        Damage(store, copy);

        Assert.That(await Read(store, copy), Is.EqualTo(source.Span.ToArray()));
        Assert.That((copy.Host, store.Statistics.HostMemory!.Resident), Is.EqualTo(((HostCopy?)null, ByteSize.Zero)), "the bad copy is given up");
    }

    [Test]
    public async Task An_empty_tensor_needs_no_room()
    {
        using var store = Open();
        var copy = store.Reserve(1, 0);

        await store.WriteAsync(copy, 0);
        await store.ReadAsync(copy, 0);

        Assert.That((copy.IsValid, store.Statistics.HostMemory!.Resident), Is.EqualTo((true, ByteSize.Zero)));
    }

    [Test]
    public async Task The_memory_is_pinned_where_there_is_a_cuda_driver()
    {
        using (var _ = StandinGpu.Start())
        {
            using var store = Open();
            var copy = await Write(store, 0, Filled(0));
            Assert.That(store.Statistics.HostMemory!.IsPinned, Is.True);
            Assert.That(await Read(store, copy), Is.EqualTo(Filled(0).Span.ToArray()));
        }
    }

    [TestCase(1000L, HostMemoryMode.WriteBack, StorageBackend.Auto, "HostMemoryOptions.Budget is 1000 B: use at least 1 MiB")]
    [TestCase(1L << 60, HostMemoryMode.WriteBack, StorageBackend.Auto, "lower it")]
    [TestCase(1L << 20, (HostMemoryMode)7, StorageBackend.Auto, "HostMemoryOptions.Mode is 7: use WriteBack or WriteThrough")]
    [TestCase(1L << 20, HostMemoryMode.WriteBack, StorageBackend.CuFile, "use another Backend")]
    [TestCase(1L << 20, HostMemoryMode.WriteBack, StorageBackend.Staged, "use another Backend")]
    public void Unusable_options_are_refused(long budget, HostMemoryMode mode, StorageBackend backend, string words)
    {
        var options = new StoreOptions
        {
            Paths = _directories.Paths,
            Backend = backend,
            VerifyReads = backend is not (StorageBackend.CuFile or StorageBackend.Staged),
            HostMemory = new HostMemoryOptions { Budget = new ByteSize(budget), Mode = mode },
        };

        Assert.That(() => TensorStore.Open(options), Throws.TypeOf<ConfigurationException>().With.Message.Contains(words));
        Assert.That(_directories.Entries(), Is.Empty);
    }

    private static ValueTask Write(TensorStore store, StoredCopy copy, UnmanagedBytes source, WriteHint hint) =>
        store.Write(copy, source.Address, Core.Transfers.TransferPriority.Normal, continuesInline: false, hint);

    private static async Task<StoredCopy> Write(TensorStore store, long id, UnmanagedBytes source)
    {
        var copy = store.Reserve(id, source.Length);
        await Write(store, copy, source, WriteHint.None);
        return copy;
    }

    private static unsafe void Damage(TensorStore store, StoredCopy copy) => ((byte*)store.HostTier!.AddressOf(copy.Host!.Offsets[1]))[100] ^= 1;

    private static long PaddedBytes(StoredCopy copy) => copy.Stripes.Sum(static stripe => ExtentAllocator.RoundUp(stripe.Length));

    private UnmanagedBytes Filled(int seed, int bytes = Bytes, int misalignment = 0)
    {
        _memory.Add(UnmanagedBytes.Filled(bytes, seed, misalignment));
        return _memory[^1];
    }

    private TensorStore Open(HostMemoryMode mode = HostMemoryMode.WriteBack) => TensorStore.Open(HostTierStores.Options(_directories.Paths, mode));
}
