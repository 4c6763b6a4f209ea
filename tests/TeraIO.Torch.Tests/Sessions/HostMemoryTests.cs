using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Storage;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Training with a host tier in front of the paths: emulated, because here tensors live in the same memory.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class HostMemoryTests : SessionFixture
{
    private static readonly TrainingScript _script = new() { Dropout = 0.1, Steps = 8 };

    private (List<float> Losses, ByteSize Smallest)? _undisturbed;

    /// <summary>The script without offloading, and the smallest budget that it can run under.</summary>
    private (List<float> Losses, ByteSize Smallest) Undisturbed => _undisturbed ??= (_script.Run(), Measure(_script).Smallest);

    [Test]
    public void Losses_are_the_same_to_the_last_bit_and_both_budgets_hold([Values] OffloadMode mode, [Values] HostMemoryMode hostMode)
    {
        (List<float> undisturbed, ByteSize smallest) = Undisturbed;
        ByteSize budget = WithSlack(smallest);
        var host = new HostMemoryOptions { Budget = ByteSize.FromMiB(1), Mode = hostMode, AllowOnCpu = true };

        using OffloadSession session = OffloadSession.Begin(new OffloadOptions { MemoryBudget = budget, StoragePaths = [StorePath], Mode = mode, HostMemory = host });
        List<float> found = _script.Run(session);

        Assert.That(found, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.FailedMigrations, Is.Zero);
        HostTierStatistics tier = session.HostMemory!;
        Assert.That(tier.Peak, Is.LessThanOrEqualTo(host.Budget));
        Assert.That(tier.Hits, Is.Positive);
        Assert.That(tier.Misses, Is.Positive, "the paths had their part");
        if (mode == OffloadMode.Planned) Assert.That(session.Statistics.PlannedSteps, Is.Positive, session.LastDifference);
    }

    [Test]
    public void A_plan_sends_tensors_to_both_tiers_and_is_carried_out_so()
    {
        var script = new TrainingScript { Steps = 10 };
        List<float> undisturbed = script.Run();
        (ByteSize smallest, ByteSize peak) = Measure(script);
        var budget = new ByteSize((smallest.Bytes + peak.Bytes) / 2);
        // Slow enough that waiting in host memory pays.
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions
        {
            MemoryBudget = budget,
            StoragePaths = [StorePath],
            Mode = OffloadMode.Planned,
            EmulatedDevice = new EmulatedDevice(ByteSize.FromMiB(100).Bytes, ByteSize.FromMiB(100).Bytes),
            HostMemory = new HostMemoryOptions { Budget = ByteSize.FromMiB(2), AllowOnCpu = true },
        });

        Assert.That(script.Run(session), Is.EqualTo(undisturbed));

        Assert.That(session.Plan!.Migrations.Any(static m => m is { Kind: MigrationKind.Offload, Tier: MemoryTier.Host }), Is.True);
        Assert.That(session.HostMemory!.Hits, Is.Positive);
        Assert.That(session.Statistics.PlannedSteps, Is.Positive, session.LastDifference);
    }

    [Test]
    public void Without_an_opt_in_a_session_whose_tensors_live_in_host_memory_refuses_it()
    {
        var options = new OffloadOptions { MemoryBudget = ByteSize.FromMiB(64), StoragePaths = [StorePath], HostMemory = new HostMemoryOptions { Budget = ByteSize.FromMiB(8) } };

        Assert.That(() => OffloadSession.Begin(options), Throws.TypeOf<ConfigurationException>()
            .With.Message.Contains("HostMemory sets 8.00 MiB").And.Message.Contains("raise MemoryBudget by as much").And.Message.Contains("AllowOnCpu"));
    }

    [Test]
    public void Without_a_budget_it_is_refused()
    {
        var options = new OffloadOptions { HostMemory = new HostMemoryOptions { Budget = ByteSize.FromMiB(8), AllowOnCpu = true } };

        Assert.That(() => OffloadSession.Begin(options), Throws.TypeOf<ConfigurationException>().With.Message.Contains("MemoryBudget is not"));
    }
}
