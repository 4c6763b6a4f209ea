using TeraIO.Core.Interop;
using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Runtime;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Storage;

/// <summary>Stores of device memory that verify what they read and compare what they hold, by the checksum kernel as <see cref="StandinGpu"/> runs it.</summary>
[TestFixture]
public class DeviceChecksumTests : StandinGpuFixture
{
    private const int Bytes = 3_000_001;
    private const int InvalidPtx = 218;
    private const int LaunchFailed = 719;

    private static readonly StorageBackend[] _backends = [StorageBackend.Staged, StorageBackend.CuFile, StorageBackend.Device];

    [Test]
    public async Task What_comes_back_is_verified([ValueSource(nameof(_backends))] StorageBackend backend)
    {
        nint source = Random(), destination = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options(backend));

        var copy = await Write(store, source, Bytes);
        await store.ReadAsync(copy, destination);

        Assert.That(Gpu.View(destination, Bytes).SequenceEqual(Gpu.View(source, Bytes)), Is.True);
        Assert.That(copy.Stripes.Select(static stripe => stripe.Checksum), Has.None.Zero);
        Assert.That((store.Statistics.ReadVerification, store.Statistics.UnverifiedBecause), Is.EqualTo((ReadVerification.Gpu, (string?)null)));
    }

    [Test]
    public async Task A_bit_that_was_flipped_on_the_disk_is_found([ValueSource(nameof(_backends))] StorageBackend backend)
    {
        nint source = Random(), destination = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options(backend) with { ReadRetries = 2 });
        var copy = await Write(store, source, Bytes);
        FlipBitOf(copy, stripe: 7);

        var found = Assert.ThrowsAsync<CorruptionException>(async () => await store.ReadAsync(copy, destination));

        Assert.That(found!.TensorId, Is.EqualTo(3));
        Assert.That(found.Offset, Is.EqualTo(copy.Stripes[7].Offset));
        Assert.That(store.Statistics.CorruptionsDetected, Is.EqualTo(3), "the first try and two more");
        FlipBitOf(copy, stripe: 7);
        await store.ReadAsync(copy, destination);
    }

    [Test]
    public async Task A_checksum_that_is_wrong_once_costs_a_second_read()
    {
        nint source = Random(), destination = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options(StorageBackend.Staged));
        var copy = await Write(store, source, Bytes);
        Gpu.SpoilKernel();

        await store.ReadAsync(copy, destination);

        Assert.That((store.Statistics.CorruptionsDetected, store.Statistics.Retries), Is.EqualTo((1, 1)));
    }

    [TestCase("cuLaunchKernel")]
    [TestCase("cuEventRecord")]
    public async Task A_checksum_that_cannot_be_computed_costs_a_second_try(string call)
    {
        nint source = Gpu.Allocate(4096);
        using var store = TensorStore.Open(Options(StorageBackend.CuFile));
        Gpu.FailNextCudaCall(call, LaunchFailed);

        var copy = await Write(store, source, 4096);

        Assert.That(store.Statistics.Retries, Is.EqualTo(1));
        await store.ReadAsync(copy, source);
    }

    [Test]
    public async Task Without_checksums_nothing_is_computed()
    {
        nint source = Random();
        ulong before = Gpu.CudaCalls("cuLaunchKernel");
        using var store = TensorStore.Open(Options(StorageBackend.Staged) with { VerifyReads = false });

        var copy = await Write(store, source, Bytes);
        await store.ReadAsync(copy, source);

        Assert.That(Gpu.CudaCalls("cuLaunchKernel"), Is.EqualTo(before));
        Assert.That(store.Matches(copy, source), Is.False);
        Assert.That((store.Statistics.ReadVerification, store.Statistics.UnverifiedBecause), Is.EqualTo((ReadVerification.None, (string?)null)));
    }

    [Test]
    public async Task The_last_byte_tells_memory_from_its_copy()
    {
        nint source = Random();
        using var store = TensorStore.Open(Options(StorageBackend.Staged));
        var copy = await Write(store, source, Bytes);

        Assert.That(store.Matches(copy, source), Is.True);
        Gpu.View(source, Bytes)[Bytes - 1] ^= 1;
        Assert.That(store.Matches(copy, source), Is.False);
    }

    [Test]
    public async Task An_unchanged_tensor_is_not_written()
    {
        nint source = Random();
        using var store = TensorStore.Open(Options(StorageBackend.Staged));
        var copy = await Write(store, source, Bytes);
        var check = new UnchangedCheck();

        // Not awaited: the test must not go on, and end, on a thread of the store.
        store.WriteUnlessSame(copy, source, check, TransferPriority.Normal, WriteHint.None, default).AsTask().Wait();

        Assert.That(check.FoundSame, Is.True);
        Assert.That((copy.Generation, store.Statistics.BytesWritten.Bytes), Is.EqualTo((1u, (long)Bytes)));
    }

    [Test]
    public async Task What_a_kernel_before_the_fence_changes_is_written()
    {
        nint source = Random(), destination = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options(StorageBackend.Staged));
        using var device = new FenceDevice(0);
        using var fence = device.CreateFence();
        using var kernelMayEnd = new KernelGate(); // opens when the test fails, too
        var copy = await Write(store, source, Bytes);
        var check = new UnchangedCheck();
        Gpu.Launch(() =>
        {
            kernelMayEnd.Wait();
            Gpu.View(source, Bytes)[Bytes / 2] ^= 0x10;
        });
        fence.Record(stream: 0);

        var write = store.WriteUnlessSame(copy, source, check, TransferPriority.Normal, WriteHint.None, new TransferFences(fence)).AsTask();
        for (int round = 0; round < 8; round++)
            await store.ReadAsync(copy, destination); // what others read meanwhile is verified beside it; and there is time to compare too early
        Assert.That(write.IsCompleted, Is.False);
        kernelMayEnd.Open();
        write.Wait();

        Assert.That((check.FoundSame, copy.Generation), Is.EqualTo((false, 2u)));
        await store.ReadAsync(copy, destination);
        Assert.That(Gpu.View(destination, Bytes).SequenceEqual(Gpu.View(source, Bytes)), Is.True);
    }

    [Test]
    public async Task A_store_whose_kernel_computes_something_else_says_so_and_works_without()
    {
        Gpu.SpoilKernel();
        nint source = Random(), destination = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options(StorageBackend.Staged));

        var copy = await Write(store, source, Bytes);
        await store.ReadAsync(copy, destination);

        Assert.That(store.Statistics.ReadVerification, Is.EqualTo(ReadVerification.None));
        Assert.That(store.Statistics.UnverifiedBecause, Does.Contain("another result than the CPU"));
        Assert.That(store.Matches(copy, source), Is.False);
    }

    [Test]
    public void Verified_reads_are_refused_where_the_kernel_computes_something_else()
    {
        Gpu.SpoilKernel();

        Assert.That(() => TensorStore.Open(Options(StorageBackend.Staged) with { VerifyReads = true }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("StoreOptions.VerifyReads").And.Message.Contains("another result than the CPU"));
        Assert.That(Directories.Entries(), Is.Empty);
    }

    [Test]
    public void Verified_reads_are_refused_where_the_driver_does_not_take_the_kernel()
    {
        Gpu.FailNextCudaCall("cuModuleLoadDataEx", InvalidPtx);

        Assert.That(() => TensorStore.Open(Options(StorageBackend.Device) with { VerifyReads = true }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("CUDA_ERROR_INVALID_PTX").And.Message.Contains("the compiler says"));
    }

    [Test]
    public void The_device_and_the_cpu_agree_on_any_length()
    {
        using var device = new FenceDevice(0);
        using var checksums = device.CreateChecksums();
        nint memory = Random();
        GdsMemoryRange[] ranges =
            [.. Enumerable.Range(0, 200).Select(i => new GdsMemoryRange { Memory = memory + (i % 17), Bytes = (ulong)(i * i * 7), Seed = (ulong)i })];
        var found = new ulong[ranges.Length];

        checksums.Compute(ranges, found);

        for (int i = 0; i < ranges.Length; i++)
            Assert.That(found[i], Is.EqualTo(DeviceChecksums.OfHost(Gpu.View(ranges[i].Memory, (int)ranges[i].Bytes), ranges[i].Seed)), $"{ranges[i].Bytes} bytes");
    }

    private nint Random()
    {
        nint memory = Gpu.Allocate(Bytes);
        new Random(1).NextBytes(Gpu.View(memory, Bytes));
        return memory;
    }

    /// <summary>In the store's file, behind the store's back.</summary>
    private void FlipBitOf(StoredCopy copy, int stripe)
    {
        string directory = Directories[copy.Stripes[stripe].PathIndex];
        string file = Directory.GetFiles(directory, "store.bin", SearchOption.AllDirectories).Single();
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        stream.Position = copy.Stripes[stripe].Offset + 1234;
        int found = stream.ReadByte();
        stream.Position--;
        stream.WriteByte((byte)(found ^ 0x20));
        stream.Flush(flushToDisk: true);
    }

    private StoreOptions Options(StorageBackend backend) => new()
    {
        Paths = Directories.Paths,
        Backend = backend,
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(4),
        QueueDepth = 8,
    };
}
