using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Storage;

/// <summary><see cref="StorageBackend.Device"/>: which way it takes, and that it says why. Over <see cref="StandinGpu"/>, with a disk that is NVMe where a test says so.</summary>
[TestFixture]
public class DeviceStoreTests : StandinGpuFixture
{
    private const int Bytes = 300_001;

    [Test]
    public void Where_nvidia_fs_serves_the_disk_it_is_cufile() => NvmeDisguise.Run(Directories[0], () =>
    {
        using var store = TensorStore.Open(Options());

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.CuFile, "nvidia-fs");
    });

    [Test]
    public void Where_the_kernel_serves_the_disk_it_is_cufile() => NvmeDisguise.Run(Directories[0], () =>
    {
        Gpu.OfferPciP2pDma();
        using var store = TensorStore.Open(Options() with { CuFile = new CuFileOptions { UsePciP2pDma = true } });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.CuFile, "PCI P2PDMA");
    });

    [Test]
    public void Where_nothing_serves_the_disk_it_is_staged() => NvmeDisguise.Run(Directories[0], () =>
    {
        Gpu.TakeDirectRoutesAway();
        using var store = TensorStore.Open(Options());

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.Staged, "through pinned memory: ", "compatibility mode: neither is the nvidia-fs kernel module loaded nor PCI P2PDMA usable");
    });

    [Test]
    public void Each_path_goes_its_own_way()
    {
        using var memory = TemporaryMount.Tmpfs("size=64m");
        NvmeDisguise.Run(Directories[0], () =>
        {
            using var store = TensorStore.Open(Options() with { Paths = [Directories[0], memory.Path] });

            RequireRoundTrip(store);
            Assert.That(store.Statistics.Paths.Select(static p => p.Backend), Is.EqualTo(new[] { StorageBackend.CuFile, StorageBackend.Staged }));
        });
    }

    [Test]
    public void Without_libcufile_it_is_staged()
    {
        Gpu.TakeLibcufile("_that_is_not_there");
        using var store = TensorStore.Open(Options());

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.Staged, "through pinned memory: ", "libtio_standin_cufile_that_is_not_there.so");
    }

    [Test]
    public void A_file_that_cufile_refuses_is_staged_and_nothing_is_left_of_the_attempt()
    {
        Gpu.FailNextCall("cuFileHandleRegister", 5008);
        using (var store = TensorStore.Open(Options()))
        {
            RequireRoundTrip(store);
            RequireChoice(store, StorageBackend.Staged, "CU_FILE_IO_NOT_SUPPORTED (5008)");
            Assert.That(Directory.GetFiles(Directories.Entries().Single()).Count(static f => f.EndsWith("store.bin", StringComparison.Ordinal)), Is.EqualTo(1));
        }
        Assert.That(Directories.Entries(), Is.Empty);
    }

    [Test]
    public void Without_a_GPU_it_does_not_open()
    {
        Gpu.FailNextCudaCall("cuDeviceGetCount", 100);
        Gpu.TakeLibcufile("_that_is_not_there");

        Assert.That(() => TensorStore.Open(Options() with { Device = 9 }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Staged").And.Message.Contains("CUDA device 9"));
        Assert.That(Directories.Entries(), Is.Empty);
    }

    [Test]
    public void What_was_measured_faster_is_taken_even_where_bytes_could_go_directly() => NvmeDisguise.Run(Directories[0], () =>
    {
        using var store = TensorStore.Open(Options() with { BandwidthProfile = Profile((Directories[0], StorageBackend.Staged)) });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.Staged, "through pinned memory: the bandwidth profile of 2026-11-25 has staged 2.00 times as fast");
    });

    [Test]
    public void The_compatibility_mode_is_taken_where_it_was_measured_faster()
    {
        using var store = TensorStore.Open(Options() with { BandwidthProfile = Profile((Directories[0], StorageBackend.CuFile)) });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.CuFile, "compatibility mode", "; the bandwidth profile of 2026-11-25 has cufile 2.00 times as fast");
    }

    [Test]
    public void Each_path_gets_what_was_faster_there()
    {
        using var store = TensorStore.Open(Options() with
        {
            Paths = [Directories[0], Directories[1]],
            BandwidthProfile = Profile((Directories[0], StorageBackend.Staged), (Directories[1], StorageBackend.CuFile)),
        });

        RequireRoundTrip(store);
        Assert.That(store.Statistics.Paths.Select(static p => p.Backend), Is.EqualTo(new[] { StorageBackend.Staged, StorageBackend.CuFile }));
        Assert.That(store.Statistics.Paths.Select(static p => p.BytesWritten), Is.All.GreaterThan(ByteSize.Zero), "the bytes of both were compared");
    }

    [Test]
    public void A_profile_of_another_GPU_is_not_gone_by()
    {
        using var store = TensorStore.Open(Options() with { BandwidthProfile = Profile((Directories[0], StorageBackend.CuFile)) with { Gpu = "another GPU at 0000:5e:00.0" } });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.Staged, "through pinned memory: ", "compatibility mode", "is of another GPU, another GPU at 0000:5e:00.0, and this is stand-in (no GPU) at 0000:3b:00.0");
    }

    [Test]
    public void A_profile_of_another_directory_is_not_gone_by() => NvmeDisguise.Run(Directories[0], () =>
    {
        using var store = TensorStore.Open(Options() with { BandwidthProfile = Profile((Directories[1], StorageBackend.Staged)) });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.CuFile, "nvidia-fs", $"has no figures of {Directories[0]}");
    });

    [Test]
    public void Where_the_faster_one_does_not_work_here_the_expected_route_is_taken()
    {
        Gpu.TakeLibcufile("_that_is_not_there");
        using var store = TensorStore.Open(Options() with { BandwidthProfile = Profile((Directories[0], StorageBackend.CuFile)) });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.Staged, "through pinned memory: ", "libtio_standin_cufile_that_is_not_there.so", "has cufile 2.00 times as fast");
    }

    [Test]
    public void Where_pinned_memory_is_refused_the_expected_route_is_taken() => NvmeDisguise.Run(Directories[0], () =>
    {
        Gpu.FailNextCudaCall("cuMemHostRegister", 2);
        using var store = TensorStore.Open(Options() with { BandwidthProfile = Profile((Directories[0], StorageBackend.Staged)) });

        RequireRoundTrip(store);
        RequireChoice(store, StorageBackend.CuFile, "nvidia-fs", "Staged does not work here", "has staged 2.00 times as fast");
        Assert.That(Directory.GetFiles(Directories.Entries().Single()).Count(static f => f.EndsWith("store.bin", StringComparison.Ordinal)), Is.EqualTo(1));
    });

    /// <summary>TEST DATA, not measured: on each path the given backend is twice as fast as the other one.</summary>
    private static BandwidthProfile Profile(params (string Path, StorageBackend Faster)[] paths) => new("made up by a test", new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero), [])
    {
        Gpu = DeviceIdentity.Of(0),
        Measured =
        [
            .. paths.SelectMany(static p => (PathBandwidth[])
            [
                new(p.Path, "cufile", 1 << 20, 16, p.Faster == StorageBackend.CuFile ? 2e9 : 1e9, p.Faster == StorageBackend.CuFile ? 1e9 : 0.5e9, 0, 0, 0),
                new(p.Path, "staged", 1 << 20, 16, p.Faster == StorageBackend.Staged ? 2e9 : 1e9, p.Faster == StorageBackend.Staged ? 1e9 : 0.5e9, 0, 0, 0),
            ]),
        ],
    };

    private void RequireRoundTrip(TensorStore store)
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        new Random(1).NextBytes(Gpu.View(source, Bytes));
        var copy = Write(store, source, Bytes).GetAwaiter().GetResult();
        store.ReadAsync(copy, destination).AsTask().GetAwaiter().GetResult();
        Assert.That(Gpu.View(destination, Bytes).SequenceEqual(Gpu.View(source, Bytes)), Is.True);
    }

    private static void RequireChoice(TensorStore store, StorageBackend backend, params string[] reasons)
    {
        var path = store.Statistics.Paths[0];
        Assert.That(path.Backend, Is.EqualTo(backend));
        foreach (var reason in reasons)
            Assert.That(path.Route, Does.Contain(reason));
    }

    private StoreOptions Options() => new()
    {
        Paths = [Directories[0]],
        Backend = StorageBackend.Device,
        VerifyReads = false,
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(1),
    };
}
