using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Storage directories and sessions for tests; checks that nothing is left behind.</summary>
internal abstract class SessionFixture
{
    private DirectoryInfo _directory = null!;

    protected string StorePath => _directory.FullName;

    [OneTimeSetUp]
    public void LoadTorch() => TorchRuntime.Initialize();

    [SetUp]
    public void CreateDirectory()
    {
        // What an earlier test did not dispose would count as live memory of this one.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        _directory = Directory.CreateTempSubdirectory("teraio-session-");
    }

    [TearDown]
    public void NothingIsLeftBehind()
    {
        string[] left = Directory.GetFileSystemEntries(StorePath);
        _directory.Delete(recursive: true);
        Assert.That(left, Is.Empty, "the session left files in its storage path");
    }

    /// <summary>The smallest budget that the script can run under, and its unlimited peak.</summary>
    protected static (ByteSize Smallest, ByteSize Peak) Measure(TrainingScript script)
    {
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions());
        script.Run(session);
        OffloadStatistics statistics = session.Statistics;
        return (statistics.SmallestBudget, statistics.PeakLiveBytes);
    }

    protected OffloadSession BeginUnder(ByteSize budget, OffloadMode mode = OffloadMode.OnDemand) =>
        OffloadSession.Begin(new OffloadOptions { MemoryBudget = budget, StoragePaths = [StorePath], Mode = mode });

    /// <summary>A session over a store that a test prepared (fault injection).</summary>
    protected static OffloadSession BeginOver(TensorStore store, ByteSize budget, OffloadMode mode = OffloadMode.OnDemand) =>
        OffloadSession.Begin(new OffloadOptions { MemoryBudget = budget, StoragePaths = ["(given)"], Mode = mode }, store, budget.Bytes);

    /// <summary>Room for tombstones and small tensors beside the measured working set.</summary>
    protected static ByteSize WithSlack(ByteSize smallest) => smallest + ByteSize.FromKiB(64);
}
