using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

public class LearningRateScheduleTests
{
    private static readonly LearningRateSchedule _schedule = new(Peak: 1.0, WarmUpSteps: 10, TotalSteps: 110);

    [TestCase(0, 0.1)]
    [TestCase(4, 0.5)]
    [TestCase(9, 1.0)]
    public void Warm_up_is_linear_and_never_zero(int step, double expected) =>
        Assert.That(_schedule.At(step), Is.EqualTo(expected).Within(1e-12));

    [TestCase(10, 1.0)]
    [TestCase(60, 0.55)]
    [TestCase(110, 0.1)]
    [TestCase(1000, 0.1)]
    public void Then_half_a_cosine_falls_to_a_tenth(int step, double expected) =>
        Assert.That(_schedule.At(step), Is.EqualTo(expected).Within(1e-12));

    [Test]
    public void The_rate_never_rises_after_warm_up() =>
        Assert.That(Enumerable.Range(9, 120).Select(_schedule.At), Is.Ordered.Descending);
}
