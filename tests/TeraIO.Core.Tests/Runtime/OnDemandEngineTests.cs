using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Residency;
using TeraIO.Core.Runtime;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Tests.Runtime;

/// <summary>The engine over a real store on disk and storages on the native heap.</summary>
[TestFixture]
public class OnDemandEngineTests
{
    private const int Block = 64 * 1024;

    private DirectoryInfo _directory = null!;
    private TensorStore _store = null!;
    private HeapStorageMemory _memory = null!;
    private OnDemandEngine _engine = null!;

    [SetUp]
    public void OpenStore()
    {
        _directory = Directory.CreateTempSubdirectory("teraio-engine-");
        _store = TensorStore.Open(new StoreOptions { Paths = [_directory.FullName], SegmentSize = ByteSize.FromMiB(4) });
    }

    [TearDown]
    public void CloseStore()
    {
        _engine?.Dispose();
        _memory?.Dispose();
        _store.Dispose();
        _directory.Delete(recursive: true);
    }

    [Test]
    public void An_idle_storage_leaves_memory_when_another_needs_room_and_comes_back_unchanged()
    {
        Begin(budget: 2 * Block + 1024);
        nint first = CreateFilled(1);
        nint second = CreateFilled(2);

        nint third = CreateFilled(3);

        Assert.That(_memory.IsInMemory(first), Is.False);
        Use(first);
        Assert.That(_memory.Bytes(first).IndexOfAnyExcept((byte)1), Is.EqualTo(-1));
        Assert.That(_memory.IsInMemory(second), Is.False, "the least recently used one made room");
        Assert.That(_memory.IsInMemory(third), Is.True);
    }

    [Test]
    public void Memory_never_passes_the_budget()
    {
        Begin(budget: 3 * Block);
        nint[] storages = [.. Enumerable.Range(1, 8).Select(i => CreateFilled((byte)i))];

        foreach (nint storage in storages) Use(storage);

        Assert.That(_memory.PeakBytes, Is.LessThanOrEqualTo(3 * Block));
    }

    [Test]
    public void An_unchanged_storage_leaves_a_second_time_without_a_write()
    {
        Begin(budget: Block + 1024);
        nint first = CreateFilled(1);
        nint second = CreateFilled(2);
        Use(first);
        long written = _engine.Statistics.BytesWritten;

        Use(second);

        Assert.That(_engine.Statistics.BytesWritten, Is.EqualTo(written));
        Assert.That(_engine.Statistics.BytesDroppedClean, Is.EqualTo(Block));
    }

    [Test]
    public void A_storage_that_an_op_wrote_is_written_again()
    {
        Begin(budget: Block + 1024);
        nint first = CreateFilled(1);
        nint second = CreateFilled(2);
        Use(first, written: true, fill: 9);

        Use(second);
        Use(first);

        Assert.That(_memory.Bytes(first).IndexOfAnyExcept((byte)9), Is.EqualTo(-1));
    }

    [Test]
    public void A_storage_that_comes_back_to_be_written_counts_as_changed()
    {
        Begin(budget: Block + 1024);
        nint first = CreateFilled(1);
        nint second = CreateFilled(2);

        Use(first, written: true, fill: 9); // was away: read back, then written

        Assert.That(_engine.State.Blocks.Values.Single(b => b.IsInMemory).CopyIsCurrent, Is.False);
        Use(second);
        Use(first);
        Assert.That(_memory.Bytes(first).IndexOfAnyExcept((byte)9), Is.EqualTo(-1));
    }

    [Test]
    public void What_an_op_used_while_its_write_was_under_way_stays_in_memory()
    {
        Begin(budget: 2 * Block + 1024);
        nint first = CreateFilled(1);
        EngineState state = _engine.State;
        TensorBlock block = state.Blocks.Values.Single();
        Offload offload;
        lock (state.Sync) offload = state.BeginOffload(block);
        block.Copy = _store.Reserve(block.Id, Block);
        _store.WriteAsync(block.Copy, block.Address).AsTask().GetAwaiter().GetResult();
        Use(first);
        _memory.Bytes(first).Fill(9); // beyond its schema

        lock (state.Sync) state.EndOffload(offload, written: true, failed: false);

        Assert.That(_memory.IsInMemory(first), Is.True);
        CreateFilled(2);
        CreateFilled(3);
        Assert.That(_memory.IsInMemory(first), Is.False);
        Use(first);
        Assert.That(_memory.Bytes(first).IndexOfAnyExcept((byte)9), Is.EqualTo(-1));
    }

    [Test]
    public void A_change_through_a_raw_pointer_is_noticed_before_the_memory_is_dropped()
    {
        Begin(budget: Block + 1024);
        nint first = CreateFilled(1);
        nint second = CreateFilled(2);
        Use(first);
        _memory.Bytes(first)[Block / 2] = 77; // no op told anyone

        Use(second);
        Use(first);

        Assert.That(_memory.Bytes(first)[Block / 2], Is.EqualTo(77));
    }

    [Test]
    public void What_a_running_op_touches_stays_until_its_outermost_op_ends()
    {
        Begin(budget: 2 * Block + 1024);
        nint input = CreateFilled(1);
        _engine.BeginOp("aten::outer", [_memory.Operand(input)], isOutermost: true);
        nint temporary = _memory.Create(Block);
        _engine.EndOp(new OpIdentity(1, "aten::op", false), [_memory.Operand(temporary)], isOutermost: false);

        var refused = Assert.Throws<BudgetExceededException>(() => _memory.Create(Block));

        Assert.That(refused!.Op, Is.EqualTo("aten::outer"));
        Assert.That(refused.SmallestBudget.Bytes, Is.EqualTo(3 * Block));
        Assert.That(_memory.IsInMemory(input) && _memory.IsInMemory(temporary), Is.True);
        _engine.EndOp(new OpIdentity(1, "aten::op", false), [], isOutermost: true);
    }

    [Test]
    public void The_smallest_budget_found_while_only_observing_is_enough_and_nothing_less_is()
    {
        Begin(budget: long.MaxValue);
        Script();
        long smallest = _engine.Statistics.SmallestBudget;

        Begin(budget: smallest + 8 * 64); // every offloaded storage keeps a tombstone
        Assert.DoesNotThrow(Script);
        Begin(budget: smallest - 1);
        Assert.Throws<BudgetExceededException>(Script);
    }

    [Test]
    public void A_storage_that_dies_while_offloaded_gives_its_place_in_the_store_back()
    {
        Begin(budget: Block + 1024);
        nint first = CreateFilled(1);
        CreateFilled(2);
        long used = _store.Statistics.Used.Bytes;

        _memory.Destroy(first);

        Assert.That(used, Is.GreaterThanOrEqualTo(Block));
        Assert.That(_store.Statistics.Used.Bytes, Is.EqualTo(used - Block));
    }

    [Test]
    public void An_operand_that_was_read_before_its_storage_moved_is_found_and_brought_back()
    {
        Begin(budget: Block + 1024);
        nint first = CreateFilled(1);
        StorageOperand stale = _memory.Operand(first); // another thread's move comes between this and the op
        CreateFilled(2);
        Assert.That(_memory.IsInMemory(first), Is.False);

        Assert.That(_engine.BeginOp("aten::use", [stale], isOutermost: true), Is.Null);

        Assert.That(_memory.Bytes(first).IndexOfAnyExcept((byte)1), Is.EqualTo(-1));
        _engine.EndOp(new OpIdentity(1, "aten::use", false), [], isOutermost: true);
    }

    [Test]
    public void A_storage_larger_than_the_budget_is_refused_with_what_would_be_needed()
    {
        Begin(budget: Block);

        var refused = Assert.Throws<BudgetExceededException>(() => _memory.Create(2 * Block));

        Assert.That(refused!.SmallestBudget.Bytes, Is.EqualTo(2 * Block));
        Assert.That(refused.Message, Does.Contain("128.00 KiB"));
    }

    [Test]
    public void Pinned_storages_stay_and_are_free_to_leave_afterwards()
    {
        Begin(budget: 2 * Block + 1024);
        nint first = CreateFilled(1);
        nint second = CreateFilled(2);

        var pins = _engine.Pin([_memory.Operand(first)]);
        nint third = CreateFilled(3);
        Assert.That(_memory.IsInMemory(first), Is.True);
        _engine.Unpin(pins);
        Use(second);
        Use(third);

        Assert.That(_memory.IsInMemory(first), Is.False);
    }

    [Test]
    public void Two_threads_that_need_the_same_storages_in_another_order_do_not_wait_for_each_other()
    {
        Begin(budget: 4 * Block + 1024);
        nint a = CreateFilled(1);
        nint b = CreateFilled(2);
        nint[] others = [.. Enumerable.Range(3, 4).Select(i => CreateFilled((byte)i))];

        for (int round = 0; round < 60; round++)
        {
            foreach (nint other in others) Use(other);
            Assert.That((_memory.IsInMemory(a), _memory.IsInMemory(b)), Is.EqualTo((false, false)));
            using var start = new Barrier(2);
            Task[] both = [.. ((nint[][])[[a, b], [b, a]]).Select(pair => Task.Factory.StartNew(() => UseTogether(start, pair), TaskCreationOptions.LongRunning))];

            Assert.That(Task.WaitAll(both, TimeSpan.FromMinutes(1)), Is.True, $"they still wait in round {round}");
        }

        void UseTogether(Barrier start, nint[] pair)
        {
            start.SignalAndWait();
            if (_engine.BeginOp("aten::two", [.. pair.Select(storage => _memory.Operand(storage))], isOutermost: true) is { } failure) throw failure;
            _engine.EndOp(new OpIdentity(1, "aten::op", false), [], isOutermost: true);
        }
    }

    [FsCheck.NUnit.Property(MaxTest = 60)]
    public Property Any_sequence_of_ops_sees_the_bytes_of_a_plain_dictionary() => Prop.ForAll(
        Gen.Choose(0, 999).ArrayOf().ToArbitrary(),
        choices =>
        {
            Begin(budget: 4 * Block);
            var model = new Dictionary<nint, byte>();
            byte next = 1;
            foreach (int choice in choices)
            {
                nint[] alive = [.. model.Keys];
                nint picked = alive.Length == 0 ? 0 : alive[choice / 4 % alive.Length];
                switch (choice % 4)
                {
                    case 0 when alive.Length < 12:
                        model[CreateFilled(next)] = next++;
                        break;
                    case 1 when picked != 0:
                        Use(picked, written: true, fill: next);
                        model[picked] = next++;
                        break;
                    case 2 when picked != 0:
                        Use(picked);
                        break;
                    case 3 when picked != 0:
                        _memory.Destroy(picked);
                        model.Remove(picked);
                        break;
                }

                if (picked != 0 && model.TryGetValue(picked, out byte expected))
                {
                    Use(picked);
                    if (_memory.Bytes(picked).IndexOfAnyExcept(expected) != -1) return false;
                }
            }

            return _memory.PeakBytes <= 4 * Block && _memory.KeptBlocks == 0;
        });

    private void Begin(long budget)
    {
        _engine?.Dispose();
        _memory?.Dispose();
        _memory = new HeapStorageMemory { Budget = budget };
        _engine = new OnDemandEngine(_memory, _store, budget);
        _memory.Engine = _engine;
    }

    private nint CreateFilled(byte value)
    {
        _engine.BeginOp("aten::full", [], isOutermost: true);
        nint storage = _memory.Create(Block);
        _memory.Bytes(storage).Fill(value);
        _engine.EndOp(new OpIdentity(1, "aten::op", false), [_memory.Operand(storage)], isOutermost: true);
        return storage;
    }

    private void Use(nint storage, bool written = false, byte fill = 0)
    {
        if (_engine.BeginOp("aten::use", [_memory.Operand(storage, written)], isOutermost: true) is { } failure) throw failure;
        if (written) _memory.Bytes(storage).Fill(fill);
        _engine.EndOp(new OpIdentity(1, "aten::op", false), [], isOutermost: true);
    }

    /// <summary>Two storages in one op, a third beside it.</summary>
    private void Script()
    {
        nint a = CreateFilled(1);
        nint b = CreateFilled(2);
        nint c = CreateFilled(3);
        if (_engine.BeginOp("aten::two", [_memory.Operand(a), _memory.Operand(b)], isOutermost: true) is { } failure) throw failure;
        _engine.EndOp(new OpIdentity(1, "aten::op", false), [], isOutermost: true);
        Use(c);
    }
}
