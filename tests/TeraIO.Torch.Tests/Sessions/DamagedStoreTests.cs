using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TorchSharp;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Someone changes the store's file under a running session: what was changed is never computed with.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class DamagedStoreTests : SessionFixture
{
    private const int Count = 64 * 1024; // floats: 256 KiB a tensor
    private static readonly ByteSize _threeTensors = ByteSize.FromKiB(800);

    private string StoreFile => Directory.GetFiles(StorePath, "*.bin", SearchOption.AllDirectories).Single();

    [Test]
    public void A_flipped_bit_stops_the_op_and_names_file_and_tensor()
    {
        using OffloadSession session = BeginUnder(_threeTensors);
        torch.Tensor[] tensors = Fill(6);
        FlipOneBit(StoreFile, offset: 12345);

        Assert.Throws<ExternalException>(() => SumOfMeans(tensors));

        Assert.That(session.Failure, Is.InstanceOf<CorruptionException>());
        Assert.That(session.Failure!.Message, Does.Contain(StoreFile));
        Assert.That(session.Failure.TensorId, Is.Not.Null);
        DisposeAll(tensors);
    }

    [Test]
    public void A_truncated_file_stops_the_op()
    {
        using OffloadSession session = BeginUnder(_threeTensors);
        torch.Tensor[] tensors = Fill(6);
        using (FileStream file = File.Open(StoreFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(4096);

        Assert.Throws<ExternalException>(() => SumOfMeans(tensors));

        Assert.That(session.Failure, Is.InstanceOf<ShortTransferException>().Or.InstanceOf<CorruptionException>(), "a later write may have made it longer again");
        DisposeAll(tensors);
    }

    [Test]
    public void Tensors_that_were_not_damaged_stay_usable()
    {
        using OffloadSession session = BeginUnder(_threeTensors);
        torch.Tensor[] tensors = Fill(6);
        FlipOneBit(StoreFile, offset: 12345); // in the first tensor that left

        Assert.Throws<ExternalException>(() => SumOfMeans(tensors[..1]));

        Assert.That(SumOfMeans(tensors[1..]), Is.EqualTo(1 + 2 + 3 + 4 + 5));
        DisposeAll(tensors);
    }

    [Test]
    public void Unverified_a_flipped_bit_goes_into_the_computation()
    {
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions { MemoryBudget = _threeTensors, StoragePaths = [StorePath], VerifyReads = false });
        torch.Tensor[] tensors = Fill(6);
        FlipOneBit(StoreFile, offset: 12345); // in the first tensor that left, which is all zeros

        using torch.Tensor different = tensors[0].count_nonzero();

        Assert.That((different.item<long>(), session.Failure), Is.EqualTo((1L, (TeraIOException?)null)));
        DisposeAll(tensors);
    }

    [Test]
    public void A_read_that_is_late_stops_the_op()
    {
        // Eight stripes one after another, two seconds each.
        var device = new EmulatedDevice(ReadBandwidth: 512 << 10, WriteBandwidth: 1 << 30);
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions
        {
            MemoryBudget = ByteSize.FromMiB(9),
            StoragePaths = [StorePath],
            StoragePathOptions = new Dictionary<string, PathOptions> { [StorePath] = new PathOptions { QueueDepth = 1 } },
            EmulatedDevice = device,
            TransferDeadline = TimeSpan.FromSeconds(2),
        });
        using torch.Tensor first = torch.ones(2 << 20);
        using torch.Tensor second = torch.ones(2 << 20);

        Assert.Throws<ExternalException>(() => first.mean());

        Assert.That(session.Failure, Is.InstanceOf<TransferDeadlineException>());
        Assert.That(session.Failure!.Message, Does.Contain("deadline of 2000 ms").And.Contain(StorePath));
    }

    private static torch.Tensor[] Fill(int count) => [.. Enumerable.Range(0, count).Select(i => torch.full(Count, (float)i))];

    private static float SumOfMeans(torch.Tensor[] tensors)
    {
        float sum = 0;
        foreach (torch.Tensor tensor in tensors)
        {
            using torch.Tensor mean = tensor.mean();
            sum += mean.item<float>();
        }

        return sum;
    }

    private static void DisposeAll(torch.Tensor[] tensors)
    {
        foreach (torch.Tensor tensor in tensors) tensor.Dispose();
    }

    private static void FlipOneBit(string path, long offset)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = offset;
        int value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 4));
    }
}
