using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>
/// Real training over a store whose N-th operation goes wrong, for N = 1, 2, ... until none does. Whatever fails: the losses are those of the
/// undisturbed run to the last bit, or training stops with a typed error - never with other losses.
/// </summary>
[TestFixture]
[NonParallelizable]
internal sealed class TrainingFaultSweepTests : SessionFixture
{
    private static readonly TrainingScript _script = new() { Steps = 1, Dropout = 0.1 };

    [TestCaseSource(typeof(FaultSweep), nameof(FaultSweep.ProgramCases))]
    public async Task Losses_are_right_or_training_stops(FaultKind kind, bool forever)
    {
        List<float> undisturbed = _script.Run();
        (ByteSize smallest, ByteSize peak) = Measure(_script);
        var budget = new ByteSize((smallest.Bytes + peak.Bytes) / 2);
        int stopped = 0;

        int swept = await FaultSweep.RunAsync(kind, forever, plan =>
        {
            if (Train(plan, budget) is { } losses) Assert.That(losses, Is.EqualTo(undisturbed), $"operation {plan.Operations}");
            else stopped++;
            return Task.CompletedTask;
        });

        TestContext.Out.WriteLine($"{swept} operations failed in turn, {stopped} of them stopped training");
        Assert.That(swept, Is.GreaterThan(10), "the budget was too generous to test anything");
        if (forever) Assert.That(stopped, Is.Positive, "a device that goes on failing must be noticed");
    }

    /// <returns>The losses, or null when training stopped with a typed error.</returns>
    private List<float>? Train(FaultPlan plan, ByteSize budget)
    {
        GC.Collect(); // tensors of a stopped run are live bytes until they are collected
        GC.WaitForPendingFinalizers();
        var options = new StoreOptions { Paths = [StorePath], SegmentSize = ByteSize.FromMiB(4), QueueDepth = 8, ReadRetries = 1 };
        try
        {
            TensorStore store = TensorStore.Open(options, logger: null, backend => new FaultInjectingBackend(backend, plan));
            using OffloadSession session = BeginOver(store, budget);
            return _script.Run(session);
        }
        catch (TeraIOException e)
        {
            Assert.That(e, Is.InstanceOf<StorageException>().Or.InstanceOf<StorageFullException>().Or.InstanceOf<CorruptionException>().Or.InstanceOf<ShortTransferException>());
            return null;
        }
    }
}
