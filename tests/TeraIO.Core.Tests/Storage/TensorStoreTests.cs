using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

[TestFixture]
public class TensorStoreTests
{
    private StoreDirectories _directories = null!;

    [SetUp]
    public void CreateDirectories() => _directories = new StoreDirectories(2);

    [TearDown]
    public void DeleteDirectories() => _directories.Dispose();

    [Test]
    public async Task A_tensor_comes_back_bit_for_bit(
        [Values(1, 4095, 4096, 4097, 65536, 3 * 65536 + 17)] int bytes, [Values(0, 8)] int misalignment,
        [Values(StorageBackend.Auto, StorageBackend.Threads)] StorageBackend backend, [Values(1, 2)] int paths)
    {
        using var store = TensorStore.Open(Options(paths) with { Backend = backend });
        using var source = UnmanagedBytes.Filled(bytes, seed: 7, misalignment);
        using var destination = new UnmanagedBytes(bytes, misalignment);
        var copy = store.Reserve(tensorId: 3, bytes);

        await store.WriteAsync(copy, source.Address);
        await store.ReadAsync(copy, destination.Address);

        Assert.That(destination.Span.SequenceEqual(source.Span), Is.True);
    }

    [Test]
    public async Task An_empty_tensor_needs_no_room()
    {
        using var store = TensorStore.Open(Options(1));
        var copy = store.Reserve(tensorId: 1, bytes: 0);

        await store.WriteAsync(copy, source: 0);
        await store.ReadAsync(copy, destination: 0);

        Assert.That((copy.IsValid, store.Statistics.Used), Is.EqualTo((true, ByteSize.Zero)));
    }

    [Test]
    public async Task A_rewrite_takes_the_same_room_under_a_new_generation()
    {
        using var store = TensorStore.Open(Options(2));
        using var tensor = UnmanagedBytes.Filled(300_000, seed: 1);
        using var destination = new UnmanagedBytes(300_000);
        var copy = store.Reserve(1, tensor.Length);
        await store.WriteAsync(copy, tensor.Address);
        var used = store.Statistics.Used;

        tensor.Fill(seed: 2);
        await store.WriteAsync(copy, tensor.Address);
        await store.ReadAsync(copy, destination.Address);

        Assert.That(destination.Span.SequenceEqual(tensor.Span), Is.True);
        Assert.That((copy.Generation, store.Statistics.Used), Is.EqualTo((2u, used)));
    }

    [Test]
    public async Task A_tensor_is_striped_evenly_over_the_paths()
    {
        using var store = TensorStore.Open(Options(2));
        using var tensor = UnmanagedBytes.Filled(8 * 65536, seed: 1);
        var copy = store.Reserve(1, tensor.Length);

        await store.WriteAsync(copy, tensor.Address);

        Assert.That(store.Statistics.Paths.Select(static path => path.BytesWritten.Bytes), Is.All.EqualTo(4 * 65536));
    }

    [Test]
    public void Small_tensors_alternate_between_the_paths()
    {
        using var store = TensorStore.Open(Options(2));

        for (int i = 0; i < 6; i++)
            store.Reserve(i, 4096);

        Assert.That(store.Statistics.Paths.Select(static path => path.Used.Bytes), Is.All.EqualTo(3 * 4096));
    }

    [Test]
    public async Task Statistics_count_what_was_moved()
    {
        using var store = TensorStore.Open(Options(1));
        using var tensor = UnmanagedBytes.Filled(100_000, seed: 1);
        var copy = store.Reserve(1, tensor.Length);

        await store.WriteAsync(copy, tensor.Address);
        await store.ReadAsync(copy, tensor.Address);

        var found = store.Statistics;
        Assert.That((found.BytesWritten.Bytes, found.BytesRead.Bytes, found.Writes, found.Reads, found.Retries, found.CorruptionsDetected),
            Is.EqualTo((100_000L, 100_000L, 2L, 2L, 0L, 0L)));
        Assert.That(found.Used.Bytes, Is.EqualTo(102_400), "whole blocks of 4096 bytes");
    }

    [Test]
    public async Task Matches_tells_changed_bytes_from_those_written()
    {
        using var store = TensorStore.Open(Options(2));
        using var tensor = UnmanagedBytes.Filled(200_000, seed: 1);
        var copy = store.Reserve(1, tensor.Length);
        bool beforeWrite = store.Matches(copy, tensor.Address);
        await store.WriteAsync(copy, tensor.Address);
        bool unchanged = store.Matches(copy, tensor.Address);

        tensor.Span[^1] ^= 1;

        Assert.That((beforeWrite, unchanged, store.Matches(copy, tensor.Address)), Is.EqualTo((false, true, false)));
    }

    [Test]
    public void A_capacity_is_preallocated_at_open()
    {
        using var store = TensorStore.Open(Options(2) with { Capacity = ByteSize.FromMiB(4) });

        long onDisk = new FileInfo(_directories.StoreFile(0)).Length + new FileInfo(_directories.StoreFile(1)).Length;

        Assert.That((store.Statistics.Capacity, onDisk), Is.EqualTo((ByteSize.FromMiB(4), 4L << 20)));
    }

    [Test]
    public void The_whole_capacity_can_be_used_however_it_is_fragmented()
    {
        using var store = TensorStore.Open(Options(1) with { Capacity = ByteSize.FromKiB(64) });
        var blocks = Enumerable.Range(0, 16).Select(i => store.Reserve(i, 4096)).ToList();
        for (int i = 0; i < 16; i += 2)
            store.Release(blocks[i]);

        store.Reserve(99, 8 * 4096);

        Assert.That(store.Statistics.Used, Is.EqualTo(ByteSize.FromKiB(64)));
    }

    [Test]
    public void A_tensor_beyond_the_capacity_is_refused_and_the_store_stays_as_it_was()
    {
        using var store = TensorStore.Open(Options(2) with { Capacity = ByteSize.FromMiB(1) });
        store.Reserve(1, 600_000);
        var used = store.Statistics.Used;

        var full = Assert.Throws<StorageFullException>(() => store.Reserve(2, 600_000));

        Assert.That((full!.TensorId, full.Length), Is.EqualTo(((long?)2, (long?)600_000)));
        Assert.That(full.Message, Does.Contain("StoreOptions.Capacity"));
        Assert.That(store.Statistics.Used, Is.EqualTo(used));
    }

    [Test]
    public void Released_room_serves_the_next_tensor()
    {
        using var store = TensorStore.Open(Options(1) with { Capacity = ByteSize.FromMiB(1) });
        store.Release(store.Reserve(1, 1 << 20));

        Assert.DoesNotThrow(() => store.Reserve(2, 1 << 20));
    }

    [Test]
    public void A_copy_that_was_never_written_cannot_be_read()
    {
        using var store = TensorStore.Open(Options(1));
        var copy = store.Reserve(5, 4096);

        Assert.ThrowsAsync<InvalidOperationException>(async () => await store.ReadAsync(copy, 0));
    }

    [Test]
    public void A_released_copy_cannot_be_used_again()
    {
        using var store = TensorStore.Open(Options(1));
        var copy = store.Reserve(5, 4096);
        store.Release(copy);

        Assert.That(() => store.Release(copy), Throws.InvalidOperationException.With.Message.Contains("released"));
        Assert.ThrowsAsync<InvalidOperationException>(async () => await store.WriteAsync(copy, 0));
    }

    [Test]
    public void A_copy_of_another_store_is_refused()
    {
        using var store = TensorStore.Open(Options(1));
        using var other = TensorStore.Open(Options(1));

        Assert.That(() => store.Release(other.Reserve(1, 10)), Throws.ArgumentException);
    }

    [Test]
    public async Task A_canceled_token_leaves_the_copy_untouched()
    {
        using var store = TensorStore.Open(Options(1));
        using var tensor = UnmanagedBytes.Filled(4096, seed: 1);
        var copy = store.Reserve(1, tensor.Length);
        await store.WriteAsync(copy, tensor.Address);

        Assert.That(async () => await store.WriteAsync(copy, tensor.Address, ct: new CancellationToken(canceled: true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That((copy.IsValid, copy.Generation), Is.EqualTo((true, 1u)));
    }

    [Test]
    public void A_disposed_store_takes_nothing_more()
    {
        var store = TensorStore.Open(Options(1));
        var copy = store.Reserve(1, 10);
        store.Dispose();
        store.Dispose();

        Assert.Throws<ObjectDisposedException>(() => store.Reserve(1, 10));
        Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.WriteAsync(copy, 0));
    }

    [Test]
    public async Task Dispose_waits_for_the_transfers_in_flight()
    {
        var store = TensorStore.Open(Options(2));
        using var tensor = UnmanagedBytes.Filled(16 << 20, seed: 1);
        var write = store.WriteAsync(store.Reserve(1, tensor.Length), tensor.Address).AsTask();

        store.Dispose();
        await write;

        Assert.That(_directories.Entries(0).Concat(_directories.Entries(1)), Is.Empty);
    }

    [Test]
    public async Task Many_transfers_at_once_do_not_mix_up_their_bytes()
    {
        using var store = TensorStore.Open(Options(2));
        var tensors = Enumerable.Range(0, 40).Select(static i => UnmanagedBytes.Filled(1000 + i * 9000, seed: i)).ToList();
        var copies = tensors.Select((tensor, i) => store.Reserve(i, tensor.Length)).ToList();

        await Task.WhenAll(tensors.Select((tensor, i) => store.WriteAsync(copies[i], tensor.Address).AsTask()));
        foreach (var tensor in tensors)
            tensor.Span.Clear();
        await Task.WhenAll(tensors.Select((tensor, i) => store.ReadAsync(copies[i], tensor.Address).AsTask()));

        for (int i = 0; i < tensors.Count; i++)
        {
            using var expected = UnmanagedBytes.Filled(tensors[i].Length, seed: i);
            Assert.That(tensors[i].Span.SequenceEqual(expected.Span), Is.True, $"tensor {i}");
            tensors[i].Dispose();
        }
    }

    [FsCheck.NUnit.Property(MaxTest = 25)]
    public Property Any_sequence_of_writes_and_releases_leaves_what_was_written_last() => Prop.ForAll(
        Gen.Choose(0, 99_999).ArrayOf().ToArbitrary(),
        choices =>
        {
            using var store = TensorStore.Open(Options(2));
            var written = new List<(StoredCopy Copy, int Seed)>();
            foreach (int choice in choices)
            {
                int picked = choice / 10 % Math.Max(1, written.Count);
                if (written.Count == 0 || choice % 10 < 4)
                {
                    written.Add((store.Reserve(choice, choice * 3), choice));
                    Write(store, written[^1]);
                }
                else if (choice % 10 < 7)
                {
                    written[picked] = (written[picked].Copy, choice);
                    Write(store, written[picked]);
                }
                else
                {
                    store.Release(written[picked].Copy);
                    written.RemoveAt(picked);
                }
            }
            long extents = written.Sum(static entry => entry.Copy.Stripes.Sum(static stripe => ExtentAllocator.RoundUp(stripe.Length)));
            return store.Statistics.Used.Bytes == extents && written.TrueForAll(entry => Holds(store, entry));
        });

    private static void Write(TensorStore store, (StoredCopy Copy, int Seed) entry)
    {
        using var source = UnmanagedBytes.Filled((int)entry.Copy.Bytes, entry.Seed);
        store.WriteAsync(entry.Copy, source.Address).AsTask().GetAwaiter().GetResult();
    }

    private static bool Holds(TensorStore store, (StoredCopy Copy, int Seed) entry)
    {
        using var found = new UnmanagedBytes((int)entry.Copy.Bytes);
        store.ReadAsync(entry.Copy, found.Address).AsTask().GetAwaiter().GetResult();
        using var expected = UnmanagedBytes.Filled(found.Length, entry.Seed);
        return found.Span.SequenceEqual(expected.Span);
    }

    private StoreOptions Options(int paths) => new()
    {
        Paths = _directories.Paths[..paths],
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(1),
        QueueDepth = 8,
    };
}
