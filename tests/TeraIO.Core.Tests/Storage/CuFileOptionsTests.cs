using TeraIO.Core.Storage;

namespace TeraIO.Core.Tests.Storage;

/// <summary>Settings and counters of cuFile, over <see cref="StandinGpu"/>.</summary>
[TestFixture]
public class CuFileOptionsTests : StandinGpuFixture
{
    // cufile.h: CUfileBoolConfigParameter_t and CUfileSizeTConfigParameter_t.
    private const int AllowCompatMode = 1;
    private const int UsePciP2pDma = 7;
    private const int MaxDirectIo = 5;
    private const int MaxDeviceCache = 6;
    private const int MaxPinned = 8;

    private static readonly CuFileOptions _settings = new() { AllowCompatibility = true, MaxDirectIo = ByteSize.FromMiB(1) };

    [Test]
    public void Settings_reach_cufile_before_its_driver_opens()
    {
        var settings = new CuFileOptions
        {
            AllowCompatibility = true,
            UsePciP2pDma = false,
            MaxDirectIo = ByteSize.FromMiB(1),
            DeviceCache = ByteSize.FromMiB(64),
            PinnedMemory = ByteSize.FromMiB(256),
            RegistrationBudget = ByteSize.FromMiB(16),
            LogDirectory = Directories[1],
        };

        using var store = TensorStore.Open(Options(settings));

        Assert.That((Gpu.CuFileSwitch(AllowCompatMode), Gpu.CuFileSwitch(UsePciP2pDma)), Is.EqualTo((1L, 0L)));
        Assert.That((Gpu.CuFileSize(MaxDirectIo), Gpu.CuFileSize(MaxDeviceCache), Gpu.CuFileSize(MaxPinned)), Is.EqualTo((1024L, 64L * 1024, 256L * 1024)), "in KiB");
        Assert.That(Gpu.CuFileLogDirectory, Is.EqualTo(Directories[1]));
    }

    [Test]
    public void Stores_that_are_open_together_have_the_same_settings()
    {
        using (TensorStore.Open(Options(_settings)))
        {
            using var same = TensorStore.Open(Options(_settings with { CollectStatistics = true }));
            using var none = TensorStore.Open(Options(null));
            var other = Assert.Throws<ConfigurationException>(() => TensorStore.Open(Options(_settings with { AllowCompatibility = false })));
            Assert.That(other!.Message, Does.Contain("StoreOptions.CuFile").And.Contain("dispose the others"));
            Assert.That(() => TensorStore.Open(Options(new CuFileOptions()) with { Backend = StorageBackend.Device }), Throws.TypeOf<ConfigurationException>(), "it is no reason to do without cuFile either");
        }
        using var later = TensorStore.Open(Options(_settings with { AllowCompatibility = false }));
        Assert.That(Gpu.CuFileSwitch(AllowCompatMode), Is.Zero);
    }

    [Test]
    public void A_store_without_settings_does_not_inherit_those_of_an_earlier_one()
    {
        TensorStore.Open(Options(_settings)).Dispose();
        ulong before = Gpu.CuFileCalls("cuFileSetParameterBool");
        Assert.That(before, Is.EqualTo(1));

        TensorStore.Open(Options(null)).Dispose();

        Assert.That(Gpu.CuFileCalls("cuFileSetParameterBool"), Is.EqualTo(before));
    }

    [Test]
    public void A_switch_that_an_old_libcufile_lacks_is_refused_by_name()
    {
        Gpu.TakeLibcufile("_old");

        Assert.That(
            () => TensorStore.Open(Options(new CuFileOptions { AllowCompatibility = false })),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("allow_compat_mode").And.Message.Contains("cufile.json"));
        Assert.That(Directories.Entries(), Is.Empty);
    }

    [TestCase(0, PathCounter.P2pDma)]
    [TestCase(1, PathCounter.NvidiaFs)]
    [TestCase(2, PathCounter.HostMemory)]
    public async Task Cufiles_counters_tell_which_way_bytes_went(int route, PathCounter expected)
    {
        const int Bytes = 1 << 16;
        nint memory = Gpu.Allocate(Bytes);
        Gpu.CountTransfersAs(route);
        using var store = TensorStore.Open(Options(new CuFileOptions { CollectStatistics = true }));

        var copy = await Write(store, memory, Bytes);
        await store.ReadAsync(copy, memory);

        var counted = store.Statistics.CuFile!;
        Assert.That((counted.BytesRead.Bytes, counted.BytesWritten.Bytes), Is.EqualTo(((long)Bytes, (long)Bytes)));
        Assert.That((counted.Reads > 0, counted.Writes > 0, counted.FailedReads, counted.FailedWrites), Is.EqualTo((true, true, 0L, 0L)));
        long all = counted.Reads + counted.Writes;
        Assert.That(
            (counted.ThroughPciP2pDma, counted.ThroughNvidiaFs, counted.ThroughHostMemory),
            Is.EqualTo((expected == PathCounter.P2pDma ? all : 0, expected == PathCounter.NvidiaFs ? all : 0, expected == PathCounter.HostMemory ? all : 0)));
    }

    [Test]
    public void There_are_no_counters_unless_they_are_asked_for()
    {
        using var store = TensorStore.Open(Options(new CuFileOptions()));

        Assert.That(store.Statistics.CuFile, Is.Null);
        Assert.That(Gpu.CuFileCalls("cuFileStatsStart"), Is.Zero);
    }

    [Test]
    public void An_old_libcufile_has_no_counters()
    {
        Gpu.TakeLibcufile("_old");
        using var store = TensorStore.Open(Options(new CuFileOptions { CollectStatistics = true }));

        Assert.That(store.Statistics.CuFile, Is.Null);
    }

    [Test]
    public void Counters_that_do_not_begin_to_count_are_an_error()
    {
        Gpu.FailNextCall("cuFileStatsStart", 5022);

        Assert.That(
            () => TensorStore.Open(Options(new CuFileOptions { CollectStatistics = true })),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("cuFileStatsStart").And.Message.Contains("CollectStatistics"));
        Assert.That(Directories.Entries(), Is.Empty);
    }

    private static IEnumerable<TestCaseData> WrongSettings() =>
    [
        new TestCaseData(new CuFileOptions { MaxDirectIo = new ByteSize(4096) }, "CuFileOptions.MaxDirectIo is 4096 bytes", "multiple of 65536"),
        new TestCaseData(new CuFileOptions { MaxDirectIo = new ByteSize(0) }, "CuFileOptions.MaxDirectIo is 0 bytes", "positive"),
        new TestCaseData(new CuFileOptions { DeviceCache = new ByteSize(1000) }, "CuFileOptions.DeviceCache is 1000 bytes", "multiple of 1024"),
        new TestCaseData(new CuFileOptions { PinnedMemory = new ByteSize(1025) }, "CuFileOptions.PinnedMemory is 1025 bytes", "multiple of 1024"),
        new TestCaseData(new CuFileOptions { RegistrationBudget = new ByteSize(0) }, "CuFileOptions.RegistrationBudget is 0 bytes", "1 or more"),
        new TestCaseData(new CuFileOptions { DeviceCache = ByteSize.FromMiB(2), PinnedMemory = ByteSize.FromMiB(1) }, "CuFileOptions.DeviceCache", "CuFileOptions.PinnedMemory"),
        new TestCaseData(new CuFileOptions { LogDirectory = "/nowhere/at/all" }, "CuFileOptions.LogDirectory /nowhere/at/all", "create it"),
    ];

    [TestCaseSource(nameof(WrongSettings))]
    public void Wrong_settings_are_refused_by_name(CuFileOptions settings, string what, string remedy) =>
        Assert.That(() => TensorStore.Open(Options(settings)), Throws.TypeOf<ConfigurationException>().With.Message.Contains(what).And.Message.Contains(remedy));

    [TestCase(StorageBackend.Staged)]
    [TestCase(StorageBackend.Auto)]
    public void Settings_of_cufile_are_for_backends_that_use_it(StorageBackend backend) =>
        Assert.That(
            () => TensorStore.Open(Options(new CuFileOptions()) with { Backend = backend }),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("StoreOptions.CuFile").And.Message.Contains(backend.ToString()));

    /// <summary>Where transfers are counted.</summary>
    public enum PathCounter
    {
        P2pDma,
        NvidiaFs,
        HostMemory,
    }

    private StoreOptions Options(CuFileOptions? settings) => new()
    {
        Paths = [Directories[0]],
        Backend = StorageBackend.CuFile,
        CuFile = settings,
        VerifyReads = false,
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(1),
    };
}
