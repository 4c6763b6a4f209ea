using TeraIO.Core.Storage;

namespace TeraIO.Core.Tests.Storage;

/// <summary>Directories for a store and a <see cref="StandinGpu"/> for each test, at whose end neither double may have seen misuse.</summary>
public abstract class StandinGpuFixture
{
    private StandinGpu? _gpu;

    private protected StoreDirectories Directories { get; private set; } = null!;

    private protected StandinGpu Gpu => _gpu!;

    [SetUp]
    public void Start()
    {
        Directories = new StoreDirectories(2);
        _gpu = StandinGpu.Start();
    }

    [TearDown]
    public void Stop()
    {
        Directories.Dispose();
        string? cuda = _gpu?.CudaMisuse, cufile = _gpu?.Misuse;
        _gpu?.Dispose();
        _gpu = null;
        Assert.Multiple(() =>
        {
            Assert.That(cuda, Is.Null.Or.Empty);
            Assert.That(cufile, Is.Null.Or.Empty);
        });
    }

    /// <summary>Stores a tensor, which is number 3.</summary>
    private protected static async Task<StoredCopy> Write(TensorStore store, nint source, long bytes)
    {
        var copy = store.Reserve(tensorId: 3, bytes);
        await store.WriteAsync(copy, source);
        return copy;
    }
}
