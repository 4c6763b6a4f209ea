using TeraIO.Core.Storage;

namespace TeraIO.Core.Tests.Storage;

/// <summary>Measuring a store of device memory, over <see cref="StandinGpu"/>, which takes no other memory for such transfers.</summary>
[TestFixture]
public class DeviceStoreProbeTests : StandinGpuFixture
{
    [TestCase(StorageBackend.Staged)]
    [TestCase(StorageBackend.CuFile)]
    public void A_store_of_device_memory_is_measured_with_memory_of_the_device(StorageBackend backend)
    {
        using var store = TensorStore.Open(Options(backend));
        ulong allocations = Gpu.CudaCalls("cuMemAlloc");
        ulong frees = Gpu.CudaCalls("cuMemFree");

        StoreBandwidth measured = StoreProbe.Measure(store);

        Assert.That((measured.ReadBandwidth, measured.WriteBandwidth), Is.GreaterThan((0.0, 0.0)));
        Assert.That(store.Statistics.BytesWritten, Is.GreaterThan(ByteSize.FromMiB(64)), "every tensor of the probe is written once to begin with");
        Assert.That(Gpu.CudaCalls("cuMemAlloc"), Is.EqualTo(allocations + 1));
        Assert.That(Gpu.CudaCalls("cuMemFree"), Is.EqualTo(frees + 1));
    }

    [Test]
    public void A_device_without_room_is_an_error_that_leaves_nothing_behind()
    {
        using var store = TensorStore.Open(Options(StorageBackend.Staged) with { Capacity = ByteSize.FromMiB(128) });
        Gpu.FailNextCudaCall("cuMemAlloc", code: 2);

        Assert.That(() => StoreProbe.Measure(store), Throws.InstanceOf<TeraIOException>().With.Message.Contains("CUDA_ERROR_OUT_OF_MEMORY"));

        Assert.That(store.Statistics.Paths.Sum(static path => path.Used.Bytes), Is.Zero);
        Assert.That(() => StoreProbe.Measure(store), Throws.Nothing);
    }

    private StoreOptions Options(StorageBackend backend) => new() { Paths = Directories.Paths, Backend = backend, VerifyReads = false, SegmentSize = ByteSize.FromMiB(64) };
}
