using System.Runtime.InteropServices;
using TeraIO.Core;
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
