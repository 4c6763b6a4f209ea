using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Transfers;

/// <summary>The engine over a backend that runs requests when the test says so.</summary>
[TestFixture]
public class TransferEngineTests
{
    private const int Block = StoreOptions.BlockBytes;

    private InMemoryBackend _backend = null!;
    private TransferEngine _engine = null!;
    private TransferFile _file = null!;
    private UnmanagedBytes _memory = null!;
    private RecordingOwner _owner = null!;

    [SetUp]
    public void Start()
    {
        _backend = new InMemoryBackend();
        _engine = new TransferEngine(_backend, "test", new TransferLimits(2 * Block, 2 * Block, TransfersPerDirection: 8), NullLogger.Instance);
        _file = _backend.CreateFile("memory");
        _backend.Allocate(_file, 64 * Block, out _);
        _memory = UnmanagedBytes.Filled(64 * Block, seed: 1);
        _owner = new RecordingOwner();
    }

    [TearDown]
    public void Stop()
    {
        _backend.IsPaused = false;
        _backend.RunPaused();
        _engine.Dispose();
        _backend.Dispose();
        _file.Dispose();
        _memory.Dispose();
        _owner.Dispose();
    }

    [Test]
    public void Queued_transfers_go_by_urgency_then_deadline_then_arrival()
    {
        _backend.IsPaused = true;
        Start(Read(0), Read(1)); // fill the lane
        _backend.AwaitAccepted(2);
        Start(
            Read(10, TransferPriority.Background), Read(11), Read(12, deadline: 200), Read(13, deadline: 100), Read(14, TransferPriority.Urgent), Read(15));

        _backend.IsPaused = false;
        _backend.RunPaused();
        _owner.AwaitCompleted(8);

        Assert.That(AcceptedBlocks().Skip(2), Is.EqualTo(new long[] { 14, 13, 12, 11, 15, 10 }));
    }

    [Test]
    public void No_more_than_the_limit_is_in_flight()
    {
        _backend.IsPaused = true;

        Start(Read(0), Read(1), Read(2), Read(3));

        Assert.That(AcceptedBlocks(), Is.EqualTo(new long[] { 0, 1 }));
    }

    [Test]
    public void A_transfer_larger_than_the_limit_runs_alone()
    {
        Start(new Transfer(_owner, 0) { Direction = TransferDirection.Write, File = _file, Memory = _memory.Address, Length = 10 * Block });

        _owner.AwaitCompleted(1);
        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.Ok) }));
    }

    [Test]
    public void Writes_in_flight_leave_the_reads_their_room()
    {
        _backend.IsPaused = true;
        Start(Write(0), Write(1), Write(2));
        _backend.AwaitAccepted(2);

        Start(Read(3));
        _backend.AwaitAccepted(3);

        Assert.That(AcceptedBlocks()[2], Is.EqualTo(3));
    }

    [Test]
    public void A_queued_transfer_is_canceled_at_once_and_never_reaches_the_device()
    {
        _backend.IsPaused = true;
        var third = Read(2);
        Start(Read(0), Read(1), third);

        _engine.Cancel(third);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (2, TransferStatus.Canceled) }));
        Assert.That(AcceptedBlocks(), Is.EqualTo(new long[] { 0, 1 }));
    }

    [Test]
    public void A_transfer_in_flight_is_canceled_when_the_device_lets_go()
    {
        _backend.IsPaused = true;
        var read = Read(0);
        Start(read);

        _engine.Cancel(read);
        _owner.AwaitCompleted(1);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.Canceled) }));
    }

    [Test]
    public void Canceling_what_has_ended_does_nothing()
    {
        var read = Read(0);
        Start(read);
        _owner.AwaitCompleted(1);

        _engine.Cancel(read);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.Ok) }));
    }

    [Test]
    public void A_second_completion_of_the_same_transfer_is_ignored()
    {
        Start(Write(0));
        _owner.AwaitCompleted(1);
        ulong token = _backend.Accepted[0].Token;

        _backend.Inject(new BackendCompletion(token, TransferStatus.Ok, SystemErrno: 0, Block, LatencyNanoseconds: 0));
        Start(Read(1)); // completions arrive in order: once this one is there, the stray one was handled
        _owner.AwaitCompleted(2);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.Ok), (1, TransferStatus.Ok) }));
        Assert.That(_engine.Counters.StrayCompletions, Is.EqualTo(1));
    }

    [Test]
    public void A_success_of_fewer_bytes_than_asked_is_a_short_transfer()
    {
        _backend.IsPaused = true;
        Start(Read(0));

        _backend.Inject(new BackendCompletion(_backend.Accepted[0].Token, TransferStatus.Ok, SystemErrno: 0, Block / 2, LatencyNanoseconds: 0));
        _owner.AwaitCompleted(1);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.ShortTransfer) }));
    }

    [Test]
    public void A_busy_backend_gets_the_transfer_again_after_the_next_completion()
    {
        _backend.IsPaused = true;
        Start(Read(0));
        _backend.BusyAnswers = 1;
        Start(Read(1));

        _backend.IsPaused = false;
        _backend.RunPaused();
        _owner.AwaitCompleted(2);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.Ok), (1, TransferStatus.Ok) }));
    }

    [Test]
    public void A_backend_that_is_busy_with_nothing_fails_the_transfer_instead_of_hanging()
    {
        _backend.BusyAnswers = 10;
        var read = Read(0);
        read.RetriesLeft = 2;

        Start(read);

        _owner.AwaitCompleted(1);
        Assert.That((_owner.Results[0], _engine.Counters.Retries), Is.EqualTo(((0, TransferStatus.Busy), 2L)));
    }

    [Test]
    public void A_queue_that_breaks_fails_every_transfer_instead_of_hanging()
    {
        _backend.IsPaused = true;
        Start(Read(0), Read(1), Read(2));

        _backend.WaitFailure = TransferStatus.Internal;
        _backend.Wake();
        _owner.AwaitCompleted(3);
        Start(Read(3));

        Assert.That(_owner.Results.Select(static result => result.Status), Is.All.EqualTo(TransferStatus.Closed).And.Exactly(4).Items);
    }

    [Test]
    public void An_owner_that_throws_does_not_stop_the_others()
    {
        var throwing = new Transfer(new ThrowingOwner(), 0) { File = _file, Memory = _memory.Address, Length = Block };

        Start(throwing, Read(1));
        _owner.AwaitCompleted(1);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (1, TransferStatus.Ok) }));
    }

    [Test]
    public void Dispose_waits_for_every_completion()
    {
        Start(Write(0), Write(1), Write(2), Write(3), Write(4));

        _engine.Dispose();

        Assert.That(_owner.Results, Has.Count.EqualTo(5));
        Assert.That(_engine.Unfinished, Is.Zero);
    }

    [Test]
    public void The_cpu_reads_no_device_memory_for_a_checksum()
    {
        const ulong Untouched = 4711;
        var device = Write(0);
        device.KeepsChecksum = true;
        device.Checksum = Untouched;
        var host = Write(1);
        host.Checksum = Untouched;

        Start(device, host);
        _owner.AwaitCompleted(2);

        Assert.That(device.Checksum, Is.EqualTo(Untouched));
        Assert.That(host.Checksum, Is.Not.EqualTo(Untouched));
    }

    [TestCase(1, false, true)]
    [TestCase(32, false, true)]
    [TestCase(33, false, false, Description = "hashing takes longer than waking the write thread")]
    [TestCase(33, true, true, Description = "nothing to hash")]
    public void A_write_is_submitted_at_once_where_that_takes_no_time(int blocks, bool keepsChecksum, bool atOnce)
    {
        var write = Write(0);
        write.Length = blocks * Block;
        write.KeepsChecksum = keepsChecksum;

        Start(write);
        _owner.AwaitCompleted(1);

        Assert.That(_backend.Submitters.Single() == Environment.CurrentManagedThreadId, Is.EqualTo(atOnce));
    }

    [Test]
    public void A_write_behind_a_long_one_waits_for_its_turn()
    {
        _backend.IsPaused = true;
        var first = Write(0);
        first.Length = 33 * Block;
        Start(first, Write(40));
        _backend.AwaitAccepted(1);
        _backend.IsPaused = false;
        _backend.RunPaused();
        _owner.AwaitCompleted(2);

        Assert.That(AcceptedBlocks(), Is.EqualTo(new long[] { 0, 40 }));
    }

    [Test]
    public void A_write_that_the_backend_was_too_busy_for_is_tried_again()
    {
        _backend.IsPaused = true;
        Start(Write(0));
        _backend.BusyAnswers = 1;

        Start(Write(1));
        _backend.AwaitAccepted(2);

        Assert.That(AcceptedBlocks(), Is.EqualTo(new long[] { 0, 1 }));
        Assert.That(_backend.Submitters[1], Is.Not.EqualTo(Environment.CurrentManagedThreadId), "the caller does not wait for the backend");
    }

    [Test]
    public void A_write_that_the_backend_is_always_too_busy_for_fails_and_not_in_the_call_that_starts_it()
    {
        _backend.BusyAnswers = 100;
        var write = Write(0);
        write.RetriesLeft = 2;
        int failedOn = 0;
        _owner.Completed = () => failedOn = Environment.CurrentManagedThreadId;

        Start(write);
        _owner.AwaitCompleted(1);

        Assert.That(_owner.Results, Is.EqualTo(new[] { (0, TransferStatus.Busy) }));
        Assert.That(failedOn, Is.Not.EqualTo(Environment.CurrentManagedThreadId), "whoever starts it may hold locks");
    }

    [Test]
    public void A_disposed_engine_refuses_transfers()
    {
        _engine.Dispose();

        Assert.Throws<ObjectDisposedException>(() => _engine.Start(Read(0)));
    }

    private Transfer Read(int block, TransferPriority priority = TransferPriority.Normal, long deadline = long.MaxValue) =>
        new(_owner, block)
        {
            Direction = TransferDirection.Read,
            File = _file,
            Memory = _memory.Address + (block * Block),
            Offset = block * Block,
            Length = Block,
            Priority = priority,
            Deadline = deadline,
        };

    private Transfer Write(int block)
    {
        var transfer = Read(block);
        transfer.Direction = TransferDirection.Write;
        return transfer;
    }

    private void Start(params Transfer[] transfers)
    {
        foreach (var transfer in transfers)
            _engine.Start(transfer);
    }

    private long[] AcceptedBlocks() => [.. _backend.Accepted.Select(static request => request.Offset / Block)];

    private sealed class RecordingOwner : ITransferOwner, IDisposable
    {
        private readonly SemaphoreSlim _completed = new(0);
        private int _awaited;

        public List<(int Index, TransferStatus Status)> Results { get; } = [];

        /// <summary>Called at each end.</summary>
        public Action? Completed { get; set; }

        public void OnCompleted(Transfer transfer)
        {
            Completed?.Invoke();
            lock (Results)
                Results.Add((transfer.Index, transfer.Status));
            _completed.Release();
        }

        /// <summary>Blocks until this many have completed since the test began.</summary>
        public void AwaitCompleted(int count)
        {
            for (; _awaited < count; _awaited++)
                _completed.Wait();
        }

        public void Dispose() => _completed.Dispose();
    }

    private sealed class ThrowingOwner : ITransferOwner
    {
        public void OnCompleted(Transfer transfer) => throw new InvalidOperationException("a defect of the owner");
    }
}
