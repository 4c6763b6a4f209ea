using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TeraIO.Cli.Bench;
using TeraIO.Cli.Doctor;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Hardware.Tests;

[Category("NVMe")]
public sealed unsafe class NvmeStoreTests
{
    [TestCase(StorageBackend.IoUring)]
    [TestCase(StorageBackend.Threads)]
    public void Tensors_of_odd_sizes_come_back_equal_past_the_page_cache(StorageBackend backend)
    {
        string path = HardwareStore.Require();
        if (backend == StorageBackend.IoUring && new MachineTrials().Backends().Single(static b => b.Backend == BackendTrial.Uring) is { Works: false } uring) Assert.Ignore(uring.Reason);
        long[] sizes = [1, 511, 4096, 4097, (1 << 20) - 1, 1 << 20, (3 << 20) + 5, 32 << 20];
        using TensorStore store = TensorStore.Open(new StoreOptions { Paths = [path], Backend = backend, SegmentSize = ByteSize.FromMiB(64) });
        foreach (long size in sizes)
        {
            byte[] bytes = RandomNumberGenerator.GetBytes((int)size);
            StoredCopy copy = store.Reserve(size, size);
            nint memory = (nint)NativeMemory.AlignedAlloc((nuint)size, 64);
            try
            {
                Marshal.Copy(bytes, 0, memory, bytes.Length);
                store.WriteAsync(copy, memory).AsTask().GetAwaiter().GetResult();
                NativeMemory.Clear((void*)memory, (nuint)size);
                store.ReadAsync(copy, memory, TransferPriority.Urgent).AsTask().GetAwaiter().GetResult();
                Assert.That(new ReadOnlySpan<byte>((void*)memory, bytes.Length).SequenceEqual(bytes), Is.True, $"{size} bytes");
            }
            finally
            {
                NativeMemory.AlignedFree((void*)memory);
                store.Release(copy);
            }
        }

        Assert.That(store.Statistics.Paths.Single().Direct, Is.True);
    }

    [Test]
    public void Every_backend_keeps_deep_queues_of_mixed_directions_correct()
    {
        string path = HardwareStore.Require();
        StorageBackend[] backends = [.. new MachineTrials().Backends().Where(static b => b.Works && b.Backend is BackendTrial.Uring or BackendTrial.Threads).Select(static b => (StorageBackend)b.Backend)];
        var settings = new BenchSettings { Paths = [path], Backends = backends, RequestBytes = [4096, 1 << 20], QueueDepths = [32], Seconds = 0.2, FileBytes = 128 << 20 };
        string[] before = Directory.GetFileSystemEntries(path);
        // Every read is verified by its checksum: a wrong byte ends the run.
        IReadOnlyList<BenchCell> cells = StorageBench.Run(settings, progress: null, CancellationToken.None).Cells;
        Assert.That(cells.Where(static c => c.Direction == BenchDirection.Mixed).All(static c => c is { ReadBandwidth: > 0, WriteBandwidth: > 0 }), Is.True);
        Assert.That(Directory.GetFileSystemEntries(path), Is.EquivalentTo(before));
    }
}
