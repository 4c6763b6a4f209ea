using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

/// <summary>A tensor's transfer while it is under way, held there by a backend that runs requests when the test says so.</summary>
[TestFixture]
public class TensorTransferTests
{
    private const int TensorBytes = 4 * 65536;

    private StoreDirectories _directories = null!;
    private InMemoryBackend _backend = null!;
    private TensorStore _store = null!;
    private UnmanagedBytes _tensor = null!;
    private StoredCopy _copy = null!;

    [SetUp]
    public async Task WriteTensor()
    {
        _directories = new StoreDirectories(1);
        _backend = new InMemoryBackend();
        _store = TensorStore.Open(
            new StoreOptions { Paths = _directories.Paths, StripeSize = ByteSize.FromKiB(64), SegmentSize = ByteSize.FromMiB(1), QueueDepth = 1 },
            logger: null, () => _backend);
        _tensor = UnmanagedBytes.Filled(TensorBytes, seed: 1);
        _copy = _store.Reserve(1, TensorBytes);
        await _store.WriteAsync(_copy, _tensor.Address);
    }

    [TearDown]
    public void Close()
    {
        _backend.IsPaused = false;
        _backend.RunPaused();
        _store.Dispose();
        _backend.Dispose();
        _tensor.Dispose();
        _directories.Dispose();
    }

    [Test]
    public async Task Nothing_else_may_happen_to_a_copy_while_it_is_written()
    {
        _backend.IsPaused = true;
        var write = _store.WriteAsync(_copy, _tensor.Address).AsTask();

        Assert.That(() => _store.Release(_copy), Throws.InvalidOperationException.With.Message.Contains("while a write of it is in flight"));
        Assert.ThrowsAsync<InvalidOperationException>(async () => await _store.ReadAsync(_copy, _tensor.Address));
        Assert.ThrowsAsync<InvalidOperationException>(async () => await _store.WriteAsync(_copy, _tensor.Address));

        await Resume(write);
        Assert.That(_copy.IsValid, Is.True);
    }

    [Test]
    public async Task Reads_share_a_copy_and_keep_it_from_being_written_or_released()
    {
        using var other = new UnmanagedBytes(TensorBytes);
        _backend.IsPaused = true;
        var reads = Task.WhenAll(_store.ReadAsync(_copy, _tensor.Address).AsTask(), _store.ReadAsync(_copy, other.Address).AsTask());

        Assert.That(() => _store.Release(_copy), Throws.InvalidOperationException.With.Message.Contains("2 read(s)"));
        Assert.ThrowsAsync<InvalidOperationException>(async () => await _store.WriteAsync(_copy, _tensor.Address));

        await Resume(reads);
        Assert.That(other.Span.SequenceEqual(_tensor.Span), Is.True);
    }

    [Test]
    public void A_canceled_read_ends_with_zeros_and_a_copy_that_is_still_valid()
    {
        using var canceling = new CancellationTokenSource();
        _backend.IsPaused = true;
        var read = _store.ReadAsync(_copy, _tensor.Address, ct: canceling.Token).AsTask();

        canceling.Cancel();

        Assert.That(async () => await read, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_tensor.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That((_copy.IsValid, _store.TransfersInFlight), Is.EqualTo((true, 0)));
    }

    [Test]
    public async Task A_canceled_write_leaves_no_valid_copy_but_one_that_can_be_written_again()
    {
        using var canceling = new CancellationTokenSource();
        _backend.IsPaused = true;
        var write = _store.WriteAsync(_copy, _tensor.Address, ct: canceling.Token).AsTask();

        canceling.Cancel();
        Assert.That(async () => await write, Throws.InstanceOf<OperationCanceledException>());
        bool validAfterwards = _copy.IsValid;
        _backend.IsPaused = false;
        await _store.WriteAsync(_copy, _tensor.Address);

        Assert.That((validAfterwards, _copy.IsValid), Is.EqualTo((false, true)));
    }

    [Test]
    public async Task A_cancel_after_the_end_changes_nothing()
    {
        using var canceling = new CancellationTokenSource();
        await _store.WriteAsync(_copy, _tensor.Address, ct: canceling.Token);

        await canceling.CancelAsync();

        Assert.That(_copy.IsValid, Is.True);
    }

    [Test]
    public async Task A_read_that_misses_its_deadline_ends_with_zeros_and_can_be_repeated()
    {
        byte[] written = _tensor.Span.ToArray();
        _backend.IsPaused = true;

        var late = Assert.ThrowsAsync<TransferDeadlineException>(async () => await _store.ReadAsync(_copy, _tensor.Address, TimeSpan.FromMilliseconds(20)));

        Assert.That(late!.Message, Does.Contain("Tensor 1").And.Contain("4 of 4 stripes").And.Contain("deadline of 20 ms").And.Contain(_directories[0]));
        Assert.That(_tensor.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That((_copy.IsValid, _store.TransfersInFlight), Is.EqualTo((true, 0)));
        _backend.IsPaused = false;
        await _store.ReadAsync(_copy, _tensor.Address, TimeSpan.FromMinutes(10));
        Assert.That(_tensor.Span.SequenceEqual(written), Is.True);
    }

    [Test]
    public async Task A_write_that_misses_its_deadline_leaves_its_source_and_can_be_repeated()
    {
        byte[] source = _tensor.Span.ToArray();
        _backend.IsPaused = true;

        var late = Assert.ThrowsAsync<TransferDeadlineException>(async () => await _store.WriteAsync(_copy, _tensor.Address, TimeSpan.FromMilliseconds(20)));

        Assert.That(late!.Message, Does.Contain("unchanged in memory"));
        Assert.That((_copy.IsValid, _tensor.Span.SequenceEqual(source)), Is.EqualTo((false, true)));
        _backend.IsPaused = false;
        await _store.WriteAsync(_copy, _tensor.Address);
        Assert.That(_copy.IsValid, Is.True);
    }

    [Test]
    public void The_stores_deadline_holds_for_transfers_without_their_own()
    {
        var backend = new InMemoryBackend { IsPaused = true };
        using var store = TensorStore.Open(
            new StoreOptions { Paths = _directories.Paths, TransferDeadline = TimeSpan.FromMilliseconds(20) }, logger: null, () => backend);
        var copy = store.Reserve(2, TensorBytes);

        Assert.ThrowsAsync<TransferDeadlineException>(async () => await store.WriteAsync(copy, _tensor.Address));
    }

    [Test]
    public async Task A_deadline_that_is_met_says_nothing_later()
    {
        for (int i = 0; i < 50; i++)
            await _store.WriteAsync(_copy, _tensor.Address, TimeSpan.FromMinutes(10));
        _backend.IsPaused = true;
        var late = _store.WriteAsync(_copy, _tensor.Address, TimeSpan.FromMilliseconds(1)).AsTask();
        Assert.That(async () => await late, Throws.TypeOf<TransferDeadlineException>());
        _backend.IsPaused = false;

        await _store.WriteAsync(_copy, _tensor.Address, TimeSpan.FromMinutes(10));

        Assert.That((_copy.IsValid, _store.TransfersInFlight), Is.EqualTo((true, 0)));
    }

    [Test]
    public async Task The_earlier_deadline_goes_first()
    {
        using var others = new UnmanagedBytes(2 * 4096);
        StoredCopy later = _store.Reserve(2, 4096), sooner = _store.Reserve(3, 4096);
        await _store.WriteAsync(later, others.Address);
        await _store.WriteAsync(sooner, others.Address);
        _backend.Accepted.Clear();
        _backend.IsPaused = true;

        // The first four are in flight, as many as there may be; the two that wait change places.
        var reads = Task.WhenAll(
            _store.ReadAsync(_copy, _tensor.Address).AsTask(),
            _store.ReadAsync(later, others.Address, TimeSpan.FromHours(2)).AsTask(),
            _store.ReadAsync(sooner, others.Address + 4096, TimeSpan.FromHours(1)).AsTask());
        await Resume(reads);

        Assert.That(_backend.Accepted.Skip(4).Select(static request => request.Memory), Is.EqualTo(new[] { others.Address + 4096, others.Address }));
    }

    [Test]
    public void A_deadline_that_is_none_is_refused()
    {
        Assert.That(() => _store.ReadAsync(_copy, _tensor.Address, TimeSpan.Zero).AsTask(), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => TensorStore.Open(new StoreOptions { Paths = _directories.Paths, TransferDeadline = TimeSpan.FromDays(400) }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("TransferDeadline"));
    }

    [Test]
    public async Task A_warm_store_allocates_nothing_on_the_callers_thread()
    {
        // Held once like the one that counts, so that every queue on the way has had all stripes in it.
        _backend.IsPaused = true;
        await Resume(_store.ReadAsync(_copy, _tensor.Address).AsTask());
        _backend.IsPaused = true;

        long before = GC.GetAllocatedBytesForCurrentThread();
        var read = _store.ReadAsync(_copy, _tensor.Address);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        await Resume(read.AsTask());
        Assert.That(allocated, Is.Zero);
    }

    private async Task Resume(Task transfer)
    {
        _backend.IsPaused = false;
        _backend.RunPaused();
        await transfer;
    }
}
