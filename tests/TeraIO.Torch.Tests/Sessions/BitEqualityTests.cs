using TeraIO.Core;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Training under a budget gives the losses and parameters of the undisturbed run, to the last bit.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class BitEqualityTests : SessionFixture
{
    private static readonly (string Name, TrainingScript Script)[] _scripts =
    [
        ("AdamW", new TrainingScript()),
        ("Adam", new TrainingScript { Optimizer = "adam" }),
        ("SGD with momentum", new TrainingScript { Optimizer = "sgd" }),
        ("Gradient accumulation", new TrainingScript { Accumulate = 4, Steps = 3 }),
        ("Tied embeddings", new TrainingScript { Tied = true }),
        ("Dropout", new TrainingScript { Dropout = 0.2 }),
        ("Changing batch shape", new TrainingScript { VaryShape = true }),
        ("Evaluation between steps", new TrainingScript { Evaluate = true, Dropout = 0.1 }),
        ("A single number out of a large storage", new TrainingScript { MeanSquare = true }),
    ];

    /// <summary>What planned mode is tested on too.</summary>
    public static IEnumerable<TestCaseData> Scripts() => _scripts.Select(s => new TestCaseData(s.Script).SetArgDisplayNames(s.Name));

    [TestCaseSource(nameof(Scripts))]
    public void At_the_smallest_budget(TrainingScript script)
    {
        List<float> undisturbed = script.Run();
        ByteSize budget = WithSlack(Measure(script).Smallest);

        using OffloadSession session = BeginUnder(budget);
        List<float> offloaded = script.Run(session);

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.Offloads, Is.Positive, "nothing moved: the test would prove nothing");
    }

    [TestCase(0.6)]
    [TestCase(0.9)]
    public void At_a_part_of_the_unlimited_peak(double part)
    {
        var script = new TrainingScript { Dropout = 0.1 };
        List<float> undisturbed = script.Run();
        var budget = new ByteSize((long)(Measure(script).Peak.Bytes * part));

        using OffloadSession session = BeginUnder(budget);
        List<float> offloaded = script.Run(session);

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
    }

    [Test]
    public void Over_two_paths()
    {
        var script = new TrainingScript();
        List<float> undisturbed = script.Run();
        ByteSize budget = WithSlack(Measure(script).Smallest);
        DirectoryInfo second = Directory.CreateTempSubdirectory("teraio-second-");

        using (var session = OffloadSession.Begin(new OffloadOptions { MemoryBudget = budget, StoragePaths = [StorePath, second.FullName] }))
        {
            Assert.That(script.Run(session), Is.EqualTo(undisturbed));
        }

        second.Delete(recursive: true);
    }

    [Test]
    public void A_model_attached_after_it_was_built_runs_under_the_budget_too()
    {
        var script = new TrainingScript();
        List<float> undisturbed = script.Run();

        // The script builds its model inside a session that begins late: here the session begins first and registers after construction,
        // so the adoption of foreign memory is exercised by tensors made before Begin.
        TorchSharp.torch.random.manual_seed(1);
        using TorchSharp.torch.Tensor before = TorchSharp.torch.ones(256, 256);
        ByteSize budget = WithSlack(Measure(script).Smallest) + ByteSize.FromKiB(512);
        using OffloadSession session = BeginUnder(budget);
        using TorchSharp.torch.Tensor sum = before + before;
        List<float> offloaded = script.Run(session);

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(before.sum().item<float>(), Is.EqualTo(256 * 256));
        Assert.That(sum.sum().item<float>(), Is.EqualTo(2 * 256 * 256));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
    }
}
