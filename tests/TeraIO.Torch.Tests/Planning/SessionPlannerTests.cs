using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;
using TeraIO.TestSupport.Tracing;
using TeraIO.Torch.Planning;

namespace TeraIO.Torch.Tests.Planning;

/// <summary>When a session measures its store.</summary>
[TestFixture]
internal sealed class SessionPlannerTests
{
    private static readonly Trace _trace = RandomTraces.Training(seed: 1);

    private string _directory = null!;
    private TensorStore _store = null!;
    private int _measurements;
    private bool _fails;

    [SetUp]
    public void SetUp()
    {
        _measurements = 0;
        _fails = false;
        _directory = Directory.CreateTempSubdirectory("teraio-planner-").FullName;
        _store = TensorStore.Open(new StoreOptions { Paths = [_directory] });
    }

    [TearDown]
    public void TearDown()
    {
        _store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public void Plans_for_one_policy_and_budget_share_a_measurement()
    {
        SessionPlanner planner = Planner();

        MigrationPlan plan = planner.Plan(OnDemand())!;
        for (int i = 0; i < PlanTrial.StepsPerPlan; i++) plan = planner.Plan(By(plan)) ?? plan;
        _ = planner.Plan(OnDemand());

        Assert.That(_measurements, Is.EqualTo(1));
    }

    [Test]
    public void A_new_policy_or_budget_begins_with_a_new_measurement()
    {
        SessionPlanner planner = Planner();
        MigrationPlan plan = planner.Plan(OnDemand())!;

        planner.Change("g10");
        plan = planner.Plan(By(plan))!;
        Assert.That(_measurements, Is.EqualTo(2));

        planner.Change(2 * Budget);
        _ = planner.Plan(By(plan));
        Assert.That(_measurements, Is.EqualTo(3));
    }

    [Test]
    public void A_measurement_that_fails_later_leaves_the_one_before_it()
    {
        SessionPlanner planner = Planner();
        MigrationPlan plan = planner.Plan(OnDemand())!;
        _fails = true;

        planner.Change("g10");

        Assert.That(planner.Plan(By(plan)), Is.Not.Null);
        Assert.That(_measurements, Is.EqualTo(2), "it was tried");
    }

    [Test]
    public void The_first_measurement_has_to_succeed()
    {
        _fails = true;

        Assert.That(() => Planner().Plan(OnDemand()), Throws.TypeOf<StorageFullException>());
    }

    [Test]
    public void A_profile_takes_the_place_of_all_measurements()
    {
        string file = Path.Combine(_directory, "profile.json");
        using (FileStream stream = File.Create(file))
            BandwidthProfileFile.Write(new BandwidthProfile("test", DateTimeOffset.UnixEpoch, [new PathBandwidth(_directory, "io_uring", 1 << 20, 8, 1e9, 1e9, 0, 0, 0)]), stream);
        SessionPlanner planner = Planner(file);

        MigrationPlan plan = planner.Plan(OnDemand())!;
        planner.Change("g10");
        Assert.That(planner.Plan(By(plan)), Is.Not.Null);

        Assert.That(_measurements, Is.Zero);
    }

    private static long Budget => 1 << 20;

    private static PlanRequest OnDemand() => new(_trace, _trace, Current: null, StepSeconds: 1, StallSeconds: 0.5);

    private static PlanRequest By(MigrationPlan plan) => OnDemand() with { Current = plan };

    private SessionPlanner Planner(string? profile = null) => new(
        new OffloadOptions { StoragePaths = [_directory], MemoryBudget = new ByteSize(Budget), BandwidthProfile = profile },
        _store,
        _ =>
        {
            _measurements++;
            if (_fails) throw new StorageFullException("no room for a probe");
            return new StoreBandwidth(1e9, 1e9, 0.5, 0);
        });
}
