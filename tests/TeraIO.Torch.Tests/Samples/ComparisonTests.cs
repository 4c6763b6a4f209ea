using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

public class ComparisonTests
{
    [Test]
    public void Equal_losses_differ_nowhere() =>
        Assert.That(Comparison.DifferingSteps([1.5f, float.NaN], [1.5f, float.NaN]), Is.Empty);

    [Test]
    public void One_bit_is_a_difference() =>
        Assert.That(Comparison.DifferingSteps([1f, 2f], [1f, MathF.BitIncrement(2f)]), Is.EqualTo(new[] { 1 }));

    [Test]
    public void A_step_that_only_one_run_has_is_a_difference() =>
        Assert.That(Comparison.DifferingSteps([1f, 2f], [1f]), Is.EqualTo(new[] { 1 }));

    [Test]
    public void Losses_pass_through_a_report_bit_by_bit()
    {
        var path = Path.GetTempFileName();
        try
        {
            float[] losses = [0.1f, 1 / 3f, MathF.BitIncrement(7f), float.Epsilon, float.NaN, float.PositiveInfinity];
            new RunReport { Config = "nano", Seed = 1, Steps = 6, Mode = "observe", Losses = losses, StepSeconds = [] }.Write(path);

            Assert.That(Comparison.DifferingSteps(RunReport.Read(path).Losses, losses), Is.Empty);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
