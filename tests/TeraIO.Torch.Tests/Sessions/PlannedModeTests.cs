using TeraIO.Core;
using TeraIO.Core.Tracing;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Planned mode gives the losses of the undisturbed run to the last bit, whatever the program does, and comes back to its plan by itself.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class PlannedModeTests : SessionFixture
{
    [TestCaseSource(typeof(BitEqualityTests), nameof(BitEqualityTests.Scripts))]
    public void At_the_smallest_budget(TrainingScript script)
    {
        script = script with { Steps = 6 };
        List<float> undisturbed = script.Run();
        ByteSize budget = WithSlack(Measure(script).Smallest);

        using OffloadSession session = BeginUnder(budget, OffloadMode.Planned);
        List<float> planned = script.Run(session);

        Assert.That(planned, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.Offloads, Is.Positive, "nothing moved: the test would prove nothing");
        Assert.That(session.Statistics.PlannedSteps, Is.Positive, session.LastDifference);
    }

    [TestCase(0.5)]
    [TestCase(0.7)]
    public void At_a_part_of_the_unlimited_peak(double part)
    {
        var script = new TrainingScript { Dropout = 0.1, Steps = 8 };
        List<float> undisturbed = script.Run();
        var budget = new ByteSize((long)(Measure(script).Peak.Bytes * part));

        using OffloadSession session = BeginUnder(budget, OffloadMode.Planned);
        List<float> planned = script.Run(session);

        Assert.That(planned, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.PlannedSteps, Is.EqualTo(script.Steps - 3), "the first step differs: it makes the optimizer's state");
        Assert.That(session.Statistics.FailedMigrations, Is.Zero);
    }

    [TestCase("shape")]
    [TestCase("evaluate")]
    [TestCase("skip")]
    public void A_surprise_in_the_middle_of_training_breaks_nothing_and_the_plan_goes_on_afterwards(string surprise)
    {
        var script = new TrainingScript { Surprise = surprise, Steps = 10 };
        List<float> undisturbed = script.Run();
        (ByteSize smallest, ByteSize peak) = Measure(script);
        var budget = new ByteSize((smallest.Bytes + peak.Bytes) / 2);

        using OffloadSession session = BeginUnder(budget, OffloadMode.Planned);
        List<float> planned = script.Run(session);

        Assert.That(planned, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.Divergences, Is.Positive);
        Assert.That(session.Statistics.PlannedSteps, Is.GreaterThanOrEqualTo(script.Steps - 3 - 1), "three steps to learn, one that differs");
    }

    [Test]
    public void The_trace_of_a_step_knows_what_its_tensors_are()
    {
        var script = new TrainingScript();
        using OffloadSession session = BeginUnder(ByteSize.FromGiB(1), OffloadMode.Planned);

        script.Run(session);

        Trace trace = session.Trace!;
        long parameters = BytesOf(trace, TensorKind.Parameter);
        Assert.Multiple(() =>
        {
            Assert.That(parameters, Is.Positive);
            Assert.That(BytesOf(trace, TensorKind.OptimizerState), Is.EqualTo(2 * parameters), "AdamW keeps two numbers per parameter");
            Assert.That(BytesOf(trace, TensorKind.Gradient), Is.EqualTo(parameters));
            Assert.That(BytesOf(trace, TensorKind.Activation), Is.Positive);
        });
    }

    private static long BytesOf(Trace trace, TensorKind kind)
    {
        long bytes = 0;
        foreach (TraceTensor tensor in trace.Tensors) bytes += tensor.Kind == kind ? tensor.Bytes : 0;
        return bytes;
    }
}
