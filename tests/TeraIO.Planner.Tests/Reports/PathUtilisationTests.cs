using FsCheck.Fluent;
using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Tests.Reports;

public sealed class PathUtilisationTests
{
    [Test]
    public void A_transfer_fills_the_buckets_that_it_overlaps_in_proportion()
    {
        PathUtilisation read = PathUtilisation.Of(With(Read(100, 1.5, 3.5)), ReportFixture.Machine, 4)[0];
        Assert.That(read.BytesPerSecond, Is.EqualTo(new[] { 0.0, 25, 50, 25 }));
        Assert.That(read.Name, Is.EqualTo("SSD read"));
        Assert.That(read.Bytes, Is.EqualTo(100));
    }

    [Test]
    public void What_lies_after_the_end_is_counted_at_the_start_of_the_iteration() =>
        Assert.That(PathUtilisation.Of(With(Read(100, 3.5, 4.5)), ReportFixture.Machine, 4)[0].BytesPerSecond, Is.EqualTo(new[] { 50.0, 0, 0, 50 }));

    [Test]
    public void A_host_tier_has_paths_of_its_own()
    {
        MachineModel machine = ReportFixture.Machine with { Host = new TierModel { ReadBandwidth = 9, WriteBandwidth = 8 } };
        IReadOnlyList<PathUtilisation> paths = PathUtilisation.Of(With(Read(100, 0, 1) with { Tier = MemoryTier.Host }), machine, 4);
        Assert.That(paths.Select(static p => p.Name), Is.EqualTo(new[] { "SSD read", "SSD write", "Host read", "Host write" }));
        Assert.That(paths.Select(static p => p.Bytes), Is.EqualTo(new long[] { 0, 0, 100, 0 }));
    }

    [FsCheck.NUnit.Property]
    public FsCheck.Property No_byte_is_lost_or_counted_twice() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), ArbMap.Default.ArbFor<byte>(), (int seed, byte buckets) =>
    {
        var random = new Random(seed);
        SimulatedTransfer[] transfers = [.. Enumerable.Range(0, random.Next(1, 50)).Select(_ =>
        {
            double start = random.NextDouble() * 4;
            return Read(random.Next(1, 1000), start, random.Next(5) == 0 ? start : start + (random.NextDouble() * 6));
        })];
        PathUtilisation read = PathUtilisation.Of(With(transfers), ReportFixture.Machine, buckets + 1)[0];
        Assert.That(read.BytesPerSecond.Sum() * read.BucketSeconds, Is.EqualTo((double)transfers.Sum(static t => t.Bytes)).Within(1e-6).Percent);
        Assert.That(read.Bytes, Is.EqualTo(transfers.Sum(static t => t.Bytes)));
    });

    private static SimulatedTransfer Read(long bytes, double start, double end) => new(0, MigrationKind.Prefetch, MemoryTier.Ssd, bytes, start, start, end, true);

    private static SimulationResult With(params SimulatedTransfer[] transfers) => ReportFixture.Simulation with { StepSeconds = 4, Transfers = transfers };
}
