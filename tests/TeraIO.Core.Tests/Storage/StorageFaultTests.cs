using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

/// <summary>One thing goes wrong at a known place: what the user gets, and what state is left.</summary>
[TestFixture]
public class StorageFaultTests
{
    private const int TensorBytes = 200_000;

    private StoreDirectories _directories = null!;
    private UnmanagedBytes _tensor = null!;
    private UnmanagedBytes _found = null!;

    [SetUp]
    public void Prepare()
    {
        _directories = new StoreDirectories(2);
        _tensor = UnmanagedBytes.Filled(TensorBytes, seed: 1);
        _found = UnmanagedBytes.Filled(TensorBytes, seed: 2);
    }

    [TearDown]
    public void Clean()
    {
        _tensor.Dispose();
        _found.Dispose();
        _directories.Dispose();
    }

    [Test]
    public async Task A_bit_flipped_on_disk_from_outside_is_detected()
    {
        using var store = Open(FaultPlan.None(), paths: 1);
        var copy = await Write(store, tensorId: 42);
        FlipBit(_directories.StoreFile(), copy.Stripes[1].Offset + 100);

        var corrupt = Assert.ThrowsAsync<CorruptionException>(async () => await store.ReadAsync(copy, _found.Address));

        Assert.That((corrupt!.TensorId, corrupt.Offset, corrupt.Path), Is.EqualTo(((long?)42, (long?)copy.Stripes[1].Offset, _directories.StoreFile())));
        Assert.That(_found.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1), "a damaged tensor is cleared");
        Assert.That(store.Statistics.CorruptionsDetected, Is.EqualTo(4), "the first read and three more");
    }

    [Test]
    public async Task A_store_file_that_was_truncated_is_detected()
    {
        using var store = Open(FaultPlan.None(), paths: 1);
        var copy = await Write(store);
        using (var file = new FileStream(_directories.StoreFile(), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(copy.Stripes[1].Offset);

        var cut = Assert.ThrowsAsync<ShortTransferException>(async () => await store.ReadAsync(copy, _found.Address));

        Assert.That(cut!.Offset, Is.EqualTo(copy.Stripes[1].Offset));
        Assert.That(_found.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
    }

    [TestCase(FaultKind.BitFlipOnRead, 1)]
    [TestCase(FaultKind.IoError, 0)]
    [TestCase(FaultKind.ShortTransfer, 0)]
    public async Task A_read_that_fails_once_is_read_again(FaultKind kind, int corruptions)
    {
        // Reads are operations 5 to 8 of IoError and ShortTransfer, 1 to 4 of BitFlipOnRead.
        using var store = Open(FaultPlan.Nth(kind, kind == FaultKind.BitFlipOnRead ? 2 : 6));
        var copy = await Write(store);

        await store.ReadAsync(copy, _found.Address);

        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
        Assert.That((store.Statistics.Retries, store.Statistics.CorruptionsDetected), Is.EqualTo((1L, (long)corruptions)));
    }

    [TestCase(FaultKind.LostWrite)]
    [TestCase(FaultKind.TornWrite)]
    [TestCase(FaultKind.MisdirectedWrite)]
    public async Task A_write_that_the_device_did_not_do_is_found_out_on_reading(FaultKind kind)
    {
        using var store = Open(FaultPlan.Nth(kind, operation: 6));
        var copy = await Write(store); // the generation that would be read instead
        _tensor.Fill(seed: 3);
        await store.WriteAsync(copy, _tensor.Address);

        Assert.ThrowsAsync<CorruptionException>(async () => await store.ReadAsync(copy, _found.Address));
    }

    [Test]
    public async Task A_stripe_that_cannot_be_written_moves_to_the_other_path()
    {
        var plan = FaultPlan.None();
        using var store = Open(plan);
        plan.AddBadRange(_directories[0], 0, long.MaxValue, reads: false);
        var copy = await Write(store);

        await store.ReadAsync(copy, _found.Address);

        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
        Assert.That(copy.Stripes.Select(static stripe => stripe.PathIndex), Is.All.EqualTo(1));
        Assert.That(store.Statistics.Paths[0].Relocations, Is.EqualTo(2));
    }

    [Test]
    public async Task On_a_single_path_a_stripe_moves_off_its_bad_extent_which_is_not_used_again()
    {
        var plan = FaultPlan.None();
        plan.AddBadRange("store.bin", 0, 4096, reads: false);
        using var store = Open(plan, paths: 1);
        var copy = await Write(store);
        await store.ReadAsync(copy, _found.Address);
        store.Release(copy);

        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
        Assert.That((store.Statistics.Used, store.Statistics.Quarantined), Is.EqualTo((ByteSize.Zero, ByteSize.FromKiB(64))));
        Assert.That(store.Reserve(2, TensorBytes).Stripes.Select(static stripe => stripe.Offset), Is.All.GreaterThan(0));
    }

    [Test]
    public void A_device_that_takes_no_writes_at_all_fails_the_write_with_errno_and_an_intact_source()
    {
        using var store = Open(FaultPlan.Nth(FaultKind.IoError, operation: 1, forever: true));
        using var before = UnmanagedBytes.Filled(TensorBytes, seed: 1);
        var copy = store.Reserve(9, TensorBytes);

        var failed = Assert.ThrowsAsync<StorageException>(async () => await store.WriteAsync(copy, _tensor.Address));

        Assert.That((failed!.SystemErrno, failed.TensorId, copy.IsValid), Is.EqualTo(((int?)5, (long?)9, false)));
        Assert.That(_tensor.Span.SequenceEqual(before.Span), Is.True);
    }

    [Test]
    public async Task A_copy_whose_write_failed_can_be_written_again()
    {
        using var store = Open(FaultPlan.Nth(FaultKind.NoSpace, operation: 3)); // each path's growth, then the first write
        var copy = store.Reserve(9, TensorBytes);
        Assert.ThrowsAsync<StorageFullException>(async () => await store.WriteAsync(copy, _tensor.Address));

        await store.WriteAsync(copy, _tensor.Address);
        await store.ReadAsync(copy, _found.Address);

        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
    }

    [Test]
    public async Task Without_verification_corruption_is_the_users_choice()
    {
        using var store = TensorStore.Open(Options(1) with { VerifyReads = false });
        var copy = await Write(store);
        FlipBit(_directories.StoreFile(), copy.Stripes[0].Offset);

        await store.ReadAsync(copy, _found.Address);

        Assert.That(_found.Span[0], Is.EqualTo(_tensor.Span[0] ^ 1));
        Assert.That(copy.Stripes.Select(static stripe => stripe.Checksum), Is.All.Zero, "and no checksum is computed for nothing");
    }

    [Test]
    public async Task The_order_of_completions_does_not_matter([Range(1, 5)] int seed)
    {
        using var store = Open(FaultPlan.Reordering(seed));
        using var large = UnmanagedBytes.Filled(4 << 20, seed);
        using var found = new UnmanagedBytes(large.Length);
        var copy = store.Reserve(1, large.Length);

        await store.WriteAsync(copy, large.Address);
        await store.ReadAsync(copy, found.Address);

        Assert.That(found.Span.SequenceEqual(large.Span), Is.True);
    }

    [Test]
    public async Task A_full_disk_refuses_the_reservation_and_keeps_what_is_there()
    {
        using var mount = TemporaryMount.Tmpfs("size=1m");
        using var store = TensorStore.Open(Options(1) with { Paths = [mount.Path], SegmentSize = ByteSize.FromKiB(256) });
        var copy = await Write(store);
        var used = store.Statistics.Used;

        var full = Assert.Throws<StorageFullException>(() => store.Reserve(2, 2 << 20));
        await store.ReadAsync(copy, _found.Address);

        Assert.That(full!.Message, Does.Contain(mount.Path));
        Assert.That(store.Statistics.Used, Is.EqualTo(used));
        Assert.That(_found.Span.SequenceEqual(_tensor.Span), Is.True);
    }

    [Test]
    public void A_capacity_that_the_disk_lacks_is_refused_at_open_and_leaves_nothing()
    {
        using var mount = TemporaryMount.Tmpfs("size=1m");

        Assert.Throws<StorageFullException>(() => TensorStore.Open(Options(1) with { Paths = [mount.Path], Capacity = ByteSize.FromMiB(8) }));

        Assert.That(Directory.GetFileSystemEntries(mount.Path), Is.Empty);
    }

    private async Task<StoredCopy> Write(TensorStore store, long tensorId = 1)
    {
        var copy = store.Reserve(tensorId, TensorBytes);
        await store.WriteAsync(copy, _tensor.Address);
        return copy;
    }

    private static void FlipBit(string path, long offset)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = offset;
        int value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 1));
    }

    private TensorStore Open(FaultPlan plan, int paths = 2) =>
        TensorStore.Open(Options(paths), logger: null, backend => new FaultInjectingBackend(backend, plan));

    private StoreOptions Options(int paths) => new()
    {
        Paths = _directories.Paths[..paths],
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(1),
        QueueDepth = 8,
    };
}
