using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Core.Tiers;
using TeraIO.TestSupport;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Training goes on, to the last bit the same, when one of its paths fails or has reached its write limit.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class UnequalPathsTests : SessionFixture
{
    private DirectoryInfo _second = null!;

    [SetUp]
    public void CreateSecond() => _second = Directory.CreateTempSubdirectory("teraio-second-");

    [TearDown]
    public void RemoveSecond() => _second.Delete(recursive: true);

    [Test]
    public void One_path_reaches_its_write_limit_in_mid_training()
    {
        var limits = new Dictionary<string, PathOptions> { [_second.FullName] = new() { WriteLimit = ByteSize.FromMiB(1) } };

        StoreStatistics found = Train(FaultPlan.None(), limits);

        Assert.That(found.Paths[1].State, Is.EqualTo(PathState.WornOut));
        Assert.That(found.Paths[1].BytesWritten.Bytes, Is.InRange(1, 1 << 20));
    }

    [Test]
    public void One_path_takes_no_more_writes()
    {
        FaultPlan plan = FaultPlan.None();
        plan.AddBadRange(_second.FullName, 256 << 10, long.MaxValue, reads: false);

        StoreStatistics found = Train(plan, []);

        Assert.That(found.Paths[1].Relocations, Is.Positive);
    }

    private StoreStatistics Train(FaultPlan plan, Dictionary<string, PathOptions> limits)
    {
        var script = new TrainingScript();
        List<float> undisturbed = script.Run();
        ByteSize budget = WithSlack(Measure(script).Smallest);
        var options = new StoreOptions { Paths = [StorePath, _second.FullName], PathOptions = limits, StripeSize = ByteSize.FromKiB(64) };
        TensorStore store = TensorStore.Open(options, logger: null, backend => new FaultInjectingBackend(backend, plan));
        using OffloadSession session = BeginOver(store, budget);

        Assert.That(script.Run(session), Is.EqualTo(undisturbed));
        return store.Statistics;
    }
}
