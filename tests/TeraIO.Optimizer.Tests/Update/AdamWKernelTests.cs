using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Tests.Update;

internal sealed unsafe class AdamWKernelTests
{
    [Test]
    public void Vectors_and_remainders_give_the_bits_of_the_plain_loop([Values(0, 1, 15, 16, 17, 1000, 2048)] int length, [Values] bool isFused)
    {
        var random = new Random(length);
        float[] parameters = Numbers(random, length);
        var plain = new PlainAdamW(parameters);
        var first = new float[length];
        var second = new float[length];
        var options = new AdamWOptions(WeightDecay: 0.1);
        for (int step = 1; step <= 4; step++)
        {
            float[] gradients = Numbers(random, length);
            var scalars = new AdamWScalars(options, step);
            AdamWKernel.Update(parameters, first, second, gradients, scalars, isFused ? AdamWArithmetic.Fused : AdamWArithmetic.Separate);
            plain.Step(gradients, scalars, isFused);
        }

        Assert.That(parameters, Is.EqualTo(plain.Parameters));
        Assert.That(first, Is.EqualTo(plain.First));
        Assert.That(second, Is.EqualTo(plain.Second));
    }

    [Test]
    public void Roots_come_from_the_given_function()
    {
        delegate* unmanaged<int, float*, float*, long, void> function = &RootsOfMode;
        float[] parameters = [1, 1, 1];
        var second = new float[3];
        var scalars = new AdamWScalars(new AdamWOptions(LearningRate: 0.5, Beta1: 0, Beta2: 0, Epsilon: 0), 1);
        AdamWKernel.Update(parameters, new float[3], second, [2, 4, 8], scalars, AdamWArithmetic.Fused.WithSquareRoot((nint)function, mode: 16));
        // The root is the mode, 16: p - 0.5 g / 16.
        Assert.That(parameters, Is.EqualTo(new[] { 1 - (1 / 16f), 1 - (2 / 16f), 1 - (4 / 16f) }));
        Assert.That(second, Is.EqualTo(new float[] { 4, 16, 64 }));
    }

    [Test]
    public void Unequal_lengths_are_refused() =>
        Assert.That(() => AdamWKernel.Update(new float[2], new float[2], new float[2], new float[3], new AdamWScalars(new AdamWOptions(), 1), AdamWArithmetic.Fused), Throws.ArgumentException);

    [Test]
    public void Options_outside_their_ranges_are_refused()
    {
        Assert.That(() => new AdamWOptions(Beta1: 1).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Beta1"));
        Assert.That(() => new AdamWOptions(Beta2: -0.1).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Beta2"));
        Assert.That(() => new AdamWOptions(LearningRate: double.NaN).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("LearningRate"));
        Assert.That(() => new AdamWOptions().Validate(), Throws.Nothing);
    }

    private static float[] Numbers(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() * 4) - 2))];

    /// <summary>A foreign root function that answers its mode.</summary>
    [UnmanagedCallersOnly]
    private static void RootsOfMode(int count, float* values, float* roots, long mode)
    {
        for (int i = 0; i < count; i++) roots[i] = mode;
    }
}
