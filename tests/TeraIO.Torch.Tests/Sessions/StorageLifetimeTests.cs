using TeraIO.Core;
using TorchSharp;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>
/// The lifetime problems of moving storages under a running program: death while away, reuse of addresses, death while a transfer runs,
/// temporaries that die inside an op, frees on the garbage collector's thread, several tensors over one storage.
/// </summary>
[TestFixture]
[NonParallelizable]
internal sealed class StorageLifetimeTests : SessionFixture
{
    private const int Count = 64 * 1024; // floats: 256 KiB a tensor
    private static readonly ByteSize _twoTensors = ByteSize.FromKiB(640);

    [Test]
    public void A_storage_that_dies_while_offloaded_leaves_no_record_that_its_address_could_inherit()
    {
        using OffloadSession session = BeginUnder(_twoTensors);
        for (int round = 0; round < 50; round++)
        {
            torch.Tensor first = torch.full(Count, (float)round);
            using torch.Tensor second = torch.full(Count, round + 0.25f);
            using torch.Tensor third = torch.full(Count, round + 0.5f);
            first.Dispose(); // offloaded by now: only the tombstone's free event tells of its death
            using torch.Tensor heir = torch.full(Count, -(float)round); // may get the dead storage's address

            Assert.That(heir.mean().item<float>(), Is.EqualTo(-round));
            Assert.That(second.mean().item<float>(), Is.EqualTo(round + 0.25f));
            Assert.That(third.mean().item<float>(), Is.EqualTo(round + 0.5f));
        }

        Assert.That(session.Statistics.LiveBytes, Is.LessThan(ByteSize.FromKiB(64)), "a record or a block was left behind");
    }

    [Test]
    public void Tensors_collected_by_the_garbage_collector_are_noticed_on_its_thread()
    {
        using OffloadSession session = BeginUnder(_twoTensors);
        Abandon(20);
        ByteSize abandoned = session.Statistics.LiveBytes;

        for (int i = 0; i < 5 && session.Statistics.LiveBytes.Bytes > 64 * 1024; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.That(abandoned, Is.GreaterThan(ByteSize.FromKiB(256)));
        Assert.That(session.Statistics.LiveBytes, Is.LessThan(ByteSize.FromKiB(64)));
    }

    [Test]
    public void Views_of_one_storage_move_together_and_see_the_same_bytes()
    {
        using OffloadSession session = BeginUnder(_twoTensors);
        using torch.Tensor owner = torch.zeros(256, 256);
        using torch.Tensor row = owner[3];
        using torch.Tensor transposed = owner.t();
        row.fill_(7);
        using torch.Tensor other = torch.ones(Count);
        using torch.Tensor another = torch.ones(Count); // owner's storage is away now

        Assert.That(transposed.sum().item<float>(), Is.EqualTo(256 * 7));
        row.add_(1);
        using torch.Tensor third = torch.ones(Count);
        using torch.Tensor fourth = torch.ones(Count);
        Assert.That(owner.sum().item<float>(), Is.EqualTo(256 * 8), "the write through the view was kept");
    }

    [Test]
    public void One_storage_in_two_operands_comes_back_once()
    {
        using OffloadSession session = BeginUnder(_twoTensors);
        using torch.Tensor tensor = torch.full(Count, 3f);
        torch.ones(Count).Dispose();
        using (torch.Tensor filler = torch.ones(Count))
        {
            using torch.Tensor more = torch.ones(Count);
        }

        using torch.Tensor product = tensor * tensor;

        Assert.That(product.mean().item<float>(), Is.EqualTo(9f));
    }

    [Test]
    public void Tensor_lists_are_walked()
    {
        using OffloadSession session = BeginUnder(ByteSize.FromMiB(2));
        torch.Tensor[] parts = [.. Enumerable.Range(0, 3).Select(i => torch.full(Count, (float)i))];
        for (int i = 0; i < 7; i++) torch.ones(Count).Dispose();
        torch.Tensor[] pressure = [.. Enumerable.Range(0, 7).Select(_ => torch.ones(Count))]; // the parts are away

        using torch.Tensor joined = torch.cat(parts);

        Assert.That(joined.sum().item<float>(), Is.EqualTo(Count * 3f));
        foreach (torch.Tensor tensor in parts.Concat(pressure)) tensor.Dispose();
    }

    [Test]
    public void Temporaries_that_die_inside_an_op_leave_nothing_behind()
    {
        using OffloadSession session = BeginUnder(ByteSize.FromMiB(3));
        using (torch.Tensor x = torch.randn(256, 256))
        {
            for (int i = 0; i < 20; i++)
            {
                using torch.Tensor loss = torch.nn.functional.cross_entropy(x, torch.zeros(256, dtype: torch.int64));
                using torch.Tensor softened = torch.nn.functional.softmax(x, 1);
            }
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.That(session.Statistics.LiveBytes, Is.LessThan(ByteSize.FromKiB(64)));
    }

    [Test]
    public void A_storage_freed_while_it_is_being_written_out_is_kept_until_the_write_ended()
    {
        using OffloadSession session = BeginUnder(_twoTensors);
        for (int round = 0; round < 20; round++)
        {
            torch.Tensor victim = torch.full(Count, 1f);
            using torch.Tensor second = torch.full(Count, 2f);
            using var started = new ManualResetEventSlim();
            Thread disposer = new(() =>
            {
                started.Set();
                victim.Dispose(); // races with the write that the next allocation starts
            });
            disposer.Start();
            started.Wait();
            using torch.Tensor third = torch.full(Count, 3f);
            disposer.Join();

            Assert.That(second.mean().item<float>(), Is.EqualTo(2f));
            Assert.That(third.mean().item<float>(), Is.EqualTo(3f));
        }

        Assert.That(session.Failure, Is.Null);
        Assert.That(session.Statistics.LiveBytes, Is.LessThan(ByteSize.FromKiB(64)));
    }

    [Test]
    public void Ops_on_several_threads_share_the_budget()
    {
        using OffloadSession session = BeginUnder(ByteSize.FromMiB(2));
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 2 }, worker =>
        {
            for (int i = 0; i < 20; i++)
            {
                using torch.Tensor a = torch.full(Count, (float)worker);
                using torch.Tensor b = torch.full(Count, 1f);
                using torch.Tensor sum = a + b;
                Assert.That(sum.mean().item<float>(), Is.EqualTo(worker + 1f));
            }
        });

        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(ByteSize.FromMiB(2)));
    }

    private static void Abandon(int count)
    {
        for (int i = 0; i < count; i++) _ = torch.full(Count, (float)i);
    }
}
