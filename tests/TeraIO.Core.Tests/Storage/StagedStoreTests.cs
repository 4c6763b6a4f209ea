using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Storage;

/// <summary>A store of device memory through pinned memory, in the order of kernels, over <see cref="StandinGpu"/>.</summary>
[TestFixture]
public class StagedStoreTests : StandinGpuFixture
{
    private const int Bytes = 3_000_001;
    private const int LaunchFailed = 719;

    [Test]
    public async Task A_tensor_of_a_device_comes_back_bit_for_bit()
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        new Random(1).NextBytes(Gpu.View(source, Bytes));
        using var store = TensorStore.Open(Options());

        var copy = await Write(store, source, Bytes);
        await store.ReadAsync(copy, destination);

        Assert.That(Gpu.View(destination, Bytes).SequenceEqual(Gpu.View(source, Bytes)), Is.True);
    }

    [Test]
    public async Task An_error_of_the_driver_has_its_name_in_the_exception()
    {
        nint source = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options() with { ReadRetries = 0 });
        var copy = await Write(store, source, Bytes);
        Gpu.FailNextCudaCall("cuMemcpyHtoDAsync", LaunchFailed);

        var failed = Assert.ThrowsAsync<StorageException>(async () => await store.ReadAsync(copy, source));

        Assert.That(failed!.Message, Does.Contain("CUDA_ERROR_LAUNCH_FAILED (719)").And.Contain("tensor 3"));
    }

    [Test]
    public void A_device_that_is_not_there_is_refused()
    {
        Assert.That(() => TensorStore.Open(Options() with { Device = 5 }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("CUDA device 5"));
        Assert.That(() => TensorStore.Open(Options() with { Device = -1 }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("StoreOptions.Device"));
        Assert.That(() => new FenceDevice(5), Throws.TypeOf<ConfigurationException>().With.Message.Contains("CUDA device 5"));
    }

    [Test]
    public async Task A_write_takes_what_the_kernels_before_its_fence_produce()
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options());
        using var device = new FenceDevice(0);
        using var fence = device.CreateFence();
        using var kernelMayEnd = new ManualResetEventSlim();
        var copy = store.Reserve(tensorId: 3, Bytes);
        var other = store.Reserve(tensorId: 4, Bytes);
        Gpu.Launch(() =>
        {
            kernelMayEnd.Wait();
            Gpu.View(source, Bytes).Fill(7);
        });
        fence.Record(stream: 0);

        var write = store.Write(copy, source, TransferPriority.Normal, continuesInline: false, WriteHint.None, new TransferFences(fence));
        await store.WriteAsync(other, destination);

        Assert.That(fence.State, Is.EqualTo(FenceState.Pending));
        Assert.That(fence.Wait(TimeSpan.Zero), Is.False);
        Assert.That(write.IsCompleted, Is.False);
        kernelMayEnd.Set();
        await write;
        await store.ReadAsync(copy, destination);
        Assert.That(Gpu.View(destination, Bytes).IndexOfAnyExcept((byte)7), Is.Negative);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_kernel_behind_a_wait_finds_the_bytes_of_all_stripes(bool waitsOnHost)
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        Gpu.View(source, Bytes).Fill(9);
        using var store = TensorStore.Open(Options());
        using var device = new FenceDevice(0, waitsOnHost);
        using var bytes = device.CreateFence();
        using var kernels = device.CreateFence();
        var copy = await Write(store, source, Bytes);
        bytes.Arm();
        int wrong = 0;

        var read = store.Read(copy, destination, TransferPriority.Urgent, continuesInline: false, new TransferFences(null, bytes));
        var how = bytes.MakeWait(stream: 0);
        Gpu.Launch(() => wrong = Gpu.View(destination, Bytes).IndexOfAnyExcept((byte)9));
        kernels.Record(stream: 0);
        kernels.Wait(Timeout.InfiniteTimeSpan);

        Assert.That(wrong, Is.Negative);
        Assert.That(device.StreamsWait, Is.EqualTo(!waitsOnHost));
        Assert.That(how, Is.EqualTo(waitsOnHost ? FenceWait.ByHost : FenceWait.ByStream).Or.EqualTo(FenceWait.NotNeeded));
        await read;
    }

    [Test]
    public async Task A_failed_read_lets_its_stream_go_and_tells_the_fence()
    {
        nint source = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options() with { ReadRetries = 0 });
        using var device = new FenceDevice(0);
        using var bytes = device.CreateFence();
        using var kernels = device.CreateFence();
        var copy = await Write(store, source, Bytes);
        bytes.Arm();
        bytes.MakeWait(stream: 0);
        Gpu.FailNextCudaCall("cuMemcpyHtoDAsync", LaunchFailed);

        Assert.ThrowsAsync<StorageException>(
            async () => await store.Read(copy, source, TransferPriority.Urgent, continuesInline: false, new TransferFences(null, bytes)));

        kernels.Record(stream: 0);
        Assert.That(kernels.Wait(Timeout.InfiniteTimeSpan), Is.True);
        Assert.That(bytes.State, Is.EqualTo(FenceState.Failed));
        Assert.That(bytes.Status, Is.EqualTo(TransferStatus.DeviceError));
        Assert.That(() => bytes.MakeWait(stream: 0), Throws.TypeOf<TeraIOException>().With.Message.Contains("TIO_E_DEVICE"));
    }

    [Test]
    public async Task A_read_that_is_tried_again_signals_at_the_end_of_the_last_try()
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        Gpu.View(source, Bytes).Fill(5);
        using var store = TensorStore.Open(Options() with { ReadRetries = 1 });
        using var device = new FenceDevice(0);
        using var bytes = device.CreateFence();
        var copy = await Write(store, source, Bytes);
        bytes.Arm();
        Gpu.FailNextCudaCall("cuMemcpyHtoDAsync", LaunchFailed);

        await store.Read(copy, destination, TransferPriority.Urgent, continuesInline: false, new TransferFences(null, bytes));

        Assert.That(bytes.State, Is.EqualTo(FenceState.Passed));
        Assert.That(Gpu.View(destination, Bytes).IndexOfAnyExcept((byte)5), Is.Negative);
    }

    [Test]
    public void A_transfer_that_was_cancelled_before_it_began_signals_all_the_same()
    {
        nint memory = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options());
        using var device = new FenceDevice(0);
        using var fence = device.CreateFence();
        var copy = store.Reserve(tensorId: 3, Bytes);
        var canceled = new CancellationToken(canceled: true);
        fence.Arm(2);

        var write = store.Write(copy, memory, TransferPriority.Normal, continuesInline: false, WriteHint.None, new TransferFences(null, fence), ct: canceled).AsTask();
        var read = store.Read(copy, memory, TransferPriority.Normal, continuesInline: false, new TransferFences(null, fence), ct: canceled).AsTask();

        Assert.That((write.IsCanceled, read.IsCanceled), Is.EqualTo((true, true)));
        Assert.That(fence.Status, Is.EqualTo(TransferStatus.Canceled));
    }

    [Test]
    public async Task A_transfer_whose_fence_is_gone_ends_and_says_so()
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        Gpu.View(source, Bytes).Fill(3);
        using var store = TensorStore.Open(Options());
        using var device = new FenceDevice(0);
        var fence = device.CreateFence();
        var copy = store.Reserve(tensorId: 3, Bytes);
        await store.WriteAsync(copy, source);
        fence.Arm();
        fence.Dispose();

        Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await store.Read(copy, destination, TransferPriority.Urgent, continuesInline: false, new TransferFences(null, fence)));

        await store.ReadAsync(copy, destination);
        Assert.That(Gpu.View(destination, Bytes).IndexOfAnyExcept((byte)3), Is.Negative);
    }

    [Test]
    public void A_device_outlives_its_fences()
    {
        var device = new FenceDevice(0);
        var fence = device.CreateFence();

        device.Dispose();

        fence.Record(stream: 0);
        Assert.That(fence.Wait(Timeout.InfiniteTimeSpan), Is.True);
        fence.Dispose();
        Assert.That(device.CreateFence, Throws.TypeOf<ObjectDisposedException>());
    }

    private StoreOptions Options() => new()
    {
        Paths = Directories.Paths,
        Backend = StorageBackend.Staged,
        VerifyReads = false,
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(4),
        QueueDepth = 8,
    };
}
