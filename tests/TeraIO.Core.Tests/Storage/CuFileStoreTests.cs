using Microsoft.Extensions.Logging;
using TeraIO.Core.Storage;
using TeraIO.Core.Tiers;

namespace TeraIO.Core.Tests.Storage;

/// <summary>A store of device memory, over <see cref="StandinGpu"/>: a checksum or a bounce copy by the CPU would end the process.</summary>
[TestFixture]
public class CuFileStoreTests : StandinGpuFixture
{
    private const int Bytes = 300_001;

    [Test]
    public async Task A_tensor_of_a_device_comes_back_bit_for_bit()
    {
        nint source = Gpu.Allocate(Bytes), destination = Gpu.Allocate(Bytes);
        new Random(1).NextBytes(Gpu.View(source, Bytes));
        using var store = TensorStore.Open(Options(Directories.Paths));

        var copy = await Write(store, source, Bytes);
        await store.ReadAsync(copy, destination);

        Assert.That(Gpu.View(destination, Bytes).SequenceEqual(Gpu.View(source, Bytes)), Is.True);
        Assert.That(store.Matches(copy, source), Is.False, "device memory is never compared");
    }

    [Test]
    public async Task An_error_of_cufile_has_its_name_in_the_exception()
    {
        nint source = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options([Directories[0]]) with { ReadRetries = 0 });
        var copy = await Write(store, source, Bytes);
        Gpu.FailNextTransfer(5034);

        var failed = Assert.ThrowsAsync<StorageException>(async () => await store.ReadAsync(copy, source));

        Assert.That(failed!.Message, Does.Contain("CU_FILE_IO_DISABLED (5034)").And.Contain("tensor 3"));
    }

    [TestCase(5044, PathState.Failing)]
    [TestCase(5011, PathState.Open)]
    public async Task Errors_of_a_file_count_against_its_path_and_errors_of_the_GPU_do_not(int code, PathState expected)
    {
        nint source = Gpu.Allocate(Bytes);
        using var store = TensorStore.Open(Options(Directories.Paths) with { ReadRetries = 0 });
        var copy = await Write(store, source, 4096);

        for (int i = 0; i < 3; i++)
        {
            Gpu.FailNextTransfer(code);
            Assert.ThrowsAsync<StorageException>(async () => await store.ReadAsync(copy, source));
        }
        store.Reserve(tensorId: 4, bytes: 4096);

        Assert.That(store.Statistics.Paths[copy.Stripes[0].PathIndex].State, Is.EqualTo(expected));
    }

    [Test]
    public void A_store_whose_bytes_go_through_host_memory_warns_with_the_reason()
    {
        var logger = new RecordingLogger();
        Gpu.TakeDirectRoutesAway();

        TensorStore.Open(Options([Directories[0]]), logger).Dispose();

        Assert.That(logger.Warnings.Single(), Does.Contain("through host memory").And.Contain("compatibility mode: "));
    }

    [Test]
    public void A_file_that_cufile_refuses_is_refused_at_open()
    {
        Gpu.FailNextCall("cuFileHandleRegister", 5008);

        var refused = Assert.Throws<ConfigurationException>(() => TensorStore.Open(Options([Directories[0]])));

        Assert.That(refused!.Message, Does.Contain("CU_FILE_IO_NOT_SUPPORTED (5008)").And.Contain("StoreOptions.Paths"));
        Assert.That(Directories.Entries(0), Is.Empty);
    }

    private static StoreOptions Options(IReadOnlyList<string> paths) => new()
    {
        Paths = paths,
        Backend = StorageBackend.CuFile,
        VerifyReads = false,
        StripeSize = ByteSize.FromKiB(64),
        SegmentSize = ByteSize.FromMiB(1),
    };

    private sealed class RecordingLogger : ILogger
    {
        public List<string> Warnings { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
                Warnings.Add(formatter(state, exception));
        }
    }
}
