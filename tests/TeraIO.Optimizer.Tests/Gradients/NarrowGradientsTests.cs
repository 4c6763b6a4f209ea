using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Tests.Offload;
using TeraIO.Optimizer.Tests.Update;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Tests.Gradients;

internal sealed class NarrowGradientsTests
{
    [Test]
    public void Rounded_gradients_move_parameters_by_no_more_than_the_bound([Values(ElementFormat.Bf16, ElementFormat.Fp16)] ElementFormat format)
    {
        const int Elements = 2000;
        var options = new AdamWOptions(LearningRate: 1e-2);
        var random = new Random(11);
        var exact = new PlainAdamW(new float[Elements]);
        var narrow = new PlainAdamW(new float[Elements]);
        double bound = 0;
        double largest = 0;
        for (int step = 1; step <= 60; step++)
        {
            float[] gradients = [.. Enumerable.Range(0, Elements).Select(i => (float)((random.Next(2) == 0 ? 1 : -1) * (1 + random.NextDouble()) * Math.Pow(2, (i % 17) - 8)))];
            var scalars = new AdamWScalars(options, step);
            exact.Step(gradients, scalars);
            narrow.Step(TrainingData.Rounded(gradients, format), scalars);
            bound += NarrowGradients.StepBound(options, format, step);
            largest = exact.Parameters.Zip(narrow.Parameters, static (a, b) => Math.Abs((double)a - b)).Max();
            double rounding = step * Math.Pow(2, -22); // FP32 roundings of parameters below 1
            Assert.That(largest, Is.LessThanOrEqualTo(bound + rounding), $"step {step}");
        }

        Assert.That(largest, Is.GreaterThan(0.01 * bound), "the gradients were not rounded");
    }

    [Test]
    public void In_the_first_step_the_moments_are_the_gradient_and_only_its_own_rounding_counts()
    {
        const double Relative = 1 / 256.0;
        Assert.That(
            NarrowGradients.StepBound(new AdamWOptions(LearningRate: 0.5), ElementFormat.Bf16, 1), Is.EqualTo(0.5 * 2 * Relative / (1 - Relative)).Within(1e-12));
    }

    [Test]
    public void Without_memory_in_the_second_moment_there_is_no_bound() =>
        Assert.That(NarrowGradients.StepBound(new AdamWOptions(Beta2: 0), ElementFormat.Bf16, 2), Is.EqualTo(double.PositiveInfinity));
}
