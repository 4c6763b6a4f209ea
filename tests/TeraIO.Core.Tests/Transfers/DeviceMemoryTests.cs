using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Transfers;

/// <summary>Memory of a GPU, over <see cref="StandinGpu"/>.</summary>
[TestFixture]
public class DeviceMemoryTests : StandinGpuFixture
{
    private const int OutOfMemory = 2;
    private const int LaunchFailed = 719;

    [Test]
    public void Bytes_come_back_from_where_they_were_put()
    {
        using var device = new FenceDevice(0);
        using var memory = device.Allocate(10_000);
        var sent = new byte[3000];
        new Random(1).NextBytes(sent);
        var received = new byte[3000];

        memory.CopyFrom(sent, offset: 7000);
        memory.CopyTo(received, offset: 7000);

        Assert.That(received, Is.EqualTo(sent));
        Assert.That(Gpu.View(memory.Address, 10_000)[7000..].SequenceEqual(sent), Is.True);
    }

    [Test]
    public void Memory_of_others_can_be_copied_too()
    {
        using var device = new FenceDevice(0);
        nint foreign = Gpu.Allocate(100);
        var received = new byte[100];

        device.CopyToDevice(Enumerable.Repeat((byte)7, 100).ToArray(), foreign);
        device.CopyToHost(foreign, received);

        Assert.That(received, Has.All.EqualTo(7));
    }

    [TestCase(-1, 10)]
    [TestCase(91, 10)]
    [TestCase(long.MaxValue, 1)]
    public void What_would_go_beyond_the_end_is_refused(long offset, int length)
    {
        using var device = new FenceDevice(0);
        using var memory = device.Allocate(100);

        Assert.That(() => memory.CopyTo(new byte[length], offset), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => memory.CopyFrom(new byte[length], offset), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_GPU_that_has_no_more_memory_says_how_much_was_asked()
    {
        using var device = new FenceDevice(0);
        Gpu.FailNextCudaCall("cuMemAlloc", OutOfMemory);

        Assert.That(() => device.Allocate(12_345), Throws.TypeOf<TeraIOException>().With.Message.Contains("12345 bytes").And.Message.Contains("CUDA_ERROR_OUT_OF_MEMORY (2)"));
        device.Allocate(12_345).Dispose();
    }

    [Test]
    public void A_copy_that_the_driver_refuses_says_so()
    {
        using var device = new FenceDevice(0);
        using var memory = device.Allocate(100);
        Gpu.FailNextCudaCall("cuMemcpyDtoH", LaunchFailed);

        Assert.That(() => memory.CopyTo(new byte[100]), Throws.TypeOf<TeraIOException>().With.Message.Contains("CUDA_ERROR_LAUNCH_FAILED (719)"));
    }

    [Test]
    public void A_device_outlives_its_memory()
    {
        var device = new FenceDevice(0);
        var memory = device.Allocate(100);

        device.Dispose();

        memory.Dispose();
        Assert.That(() => memory.Address, Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => device.Allocate(100), Throws.TypeOf<ObjectDisposedException>());
    }
}
