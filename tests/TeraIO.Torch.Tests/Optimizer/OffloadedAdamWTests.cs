using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Update;
using TeraIO.Torch.Optimizer;
using TeraIO.Torch.Tests.Sessions;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Torch.Tests.Optimizer;

internal sealed class OffloadedAdamWTests : SessionFixture
{
    private static readonly long[][] _shapes = [[3], [1], [17, 5], [300, 257], [64, 3, 3, 3], [40_000]];

    [Test]
    public void The_arithmetic_of_this_libtorch_is_found() => Assert.That(TorchArithmetic.Current.IsExact, Is.True);

    [Test]
    public void Steps_have_the_bits_of_TorchSharp([Values(0, 0.1)] double decay, [Values(1, 2)] int threads, [Values(1e-8, 1e-3)] double epsilon)
    {
        int before = get_num_threads();
        try
        {
            set_num_threads(threads);
            using var scope = NewDisposeScope();
            List<Parameter> expected = Parameters(seed: 1);
            List<Parameter> actual = Parameters(seed: 1);
            using var torchs = optim.AdamW(expected, 3e-3, 0.8, 0.95, epsilon, decay);
            using OffloadedAdamW ours = new(actual, Options(), 3e-3, 0.8, 0.95, epsilon, decay);
            for (int step = 0; step < 7; step++)
            {
                SetGradients(step, expected, actual);
                torchs.step();
                ours.step();
                RequireEqual(expected, actual, step);
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Test]
    public void Training_has_the_losses_of_AdamW_in_memory_to_the_last_bit([Values(0, 0.01)] double decay)
    {
        var script = new TrainingScript { Steps = 6, Dropout = 0.1, CustomOptimizer = parameters => optim.AdamW(parameters, 1e-3, weight_decay: decay) };
        List<float> expected = script.Run();
        List<float> actual = (script with { CustomOptimizer = parameters => new OffloadedAdamW(parameters, Options(), 1e-3, weight_decay: decay) }).Run();
        Assert.That(actual, Is.EqualTo(expected));
    }

    [Test]
    public void Training_with_BF16_gradients_is_that_of_AdamW_with_rounded_gradients()
    {
        var script = new TrainingScript { Steps = 6, CustomOptimizer = static parameters => new RoundingAdamW([.. parameters], 1e-3) };
        List<float> expected = script.Run();
        List<float> actual = (script with { CustomOptimizer = parameters => new OffloadedAdamW(parameters, Options() with { GradientFormat = ElementFormat.Bf16 }, 1e-3) }).Run();
        Assert.That(actual, Is.EqualTo(expected));
    }

    [Test]
    public void BF16_gradients_move_parameters_by_no_more_than_the_stated_bound()
    {
        const int Steps = 40;
        const double Rate = 1e-2;
        using var scope = NewDisposeScope();
        List<Parameter> exact = Parameters(seed: 2);
        List<Parameter> narrow = Parameters(seed: 2);
        using var torchs = optim.AdamW(exact, Rate);
        using OffloadedAdamW ours = new(narrow, Options() with { GradientFormat = ElementFormat.Bf16 }, Rate);
        double bound = 0;
        double largest = 0;
        for (int step = 0; step < Steps; step++)
        {
            SetGradients(step, exact, narrow);
            torchs.step();
            ours.step();
            bound += NarrowGradients.StepBound(new AdamWOptions(Rate), ElementFormat.Bf16, step + 1);
            largest = exact.Zip(narrow, static (a, b) => Largest(a, b)).Max();
            double rounding = (step + 1) * Math.Pow(2, -22) * 4; // FP32 roundings of numbers below 4, twice per step and side
            Assert.That(largest, Is.LessThanOrEqualTo(bound + rounding), $"step {step}");
        }

        Assert.That(largest, Is.GreaterThan(0), "the gradients were not rounded");
        Assert.That(narrow.Select(static p => p.grad), Is.All.Null, "gradients in their own format are dropped");
    }

    [Test]
    public void A_BF16_model_is_the_cast_of_FP32_master_parameters()
    {
        using var scope = NewDisposeScope();
        List<Parameter> masters = [.. Parameters(seed: 3).Select(static p => new Parameter(p.to(ScalarType.BFloat16).to(ScalarType.Float32)))];
        List<Parameter> model = [.. masters.Select(static p => new Parameter(p.to(ScalarType.BFloat16)))];
        using var torchs = optim.AdamW(masters, 1e-2);
        using OffloadedAdamW ours = new(model, Options(), 1e-2);
        for (int step = 0; step < 4; step++)
        {
            for (int i = 0; i < model.Count; i++)
            {
                model[i].grad = randn_like(model[i]);
                masters[i].grad = model[i].grad!.to(ScalarType.Float32);
            }

            torchs.step();
            ours.step();
        }

        for (int i = 0; i < model.Count; i++) Assert.That(model[i].bytes.ToArray(), Is.EqualTo(masters[i].to(ScalarType.BFloat16).bytes.ToArray()), $"parameter {i}");
    }

    [Test]
    public void Groups_keep_their_options_and_a_schedule_sets_their_rates()
    {
        using var scope = NewDisposeScope();
        List<Parameter> expected = Parameters(seed: 4);
        List<Parameter> actual = Parameters(seed: 4);
        AdamW.ParamGroup[] Groups(List<Parameter> p) =>
            [new(p.Take(3), lr: 1e-2, weight_decay: 0.2), new(p.Skip(3), new AdamW.Options { beta1 = 0.5 })];
        using var torchs = optim.AdamW(Groups(expected), 1e-3);
        using OffloadedAdamW ours = new(Groups(actual), Options(), 1e-3);
        var schedule = optim.lr_scheduler.StepLR(torchs, step_size: 2, gamma: 0.5);
        var ourSchedule = optim.lr_scheduler.StepLR(ours, step_size: 2, gamma: 0.5);
        for (int step = 0; step < 6; step++)
        {
            SetGradients(step, expected, actual);
            if (step % 2 == 0) expected[1].grad = actual[1].grad = null; // takes part in every second step only
            torchs.step();
            ours.step();
            schedule.step();
            ourSchedule.step();
            RequireEqual(expected, actual, step);
        }
    }

    [Test]
    public void State_moves_through_the_store_and_the_budget_is_kept()
    {
        using var scope = NewDisposeScope();
        List<Parameter> parameters = Parameters(seed: 5);
        OffloadedAdamWOptions options = Options();
        using OffloadedAdamW ours = new(parameters, options);
        SetGradients(0, parameters, parameters);
        ours.step();
        Assert.That(ours.LastStep!.Traffic.Read, Is.EqualTo(8 * parameters.Sum(static p => p.numel())));
        Assert.That(ours.State.HostBytes, Is.LessThanOrEqualTo(options.HostBudget));
    }

    [Test]
    public void What_is_not_supported_is_refused()
    {
        using var scope = NewDisposeScope();
        List<Parameter> parameters = Parameters(seed: 6);
        Assert.That(() => new OffloadedAdamW([new AdamW.ParamGroup(parameters, amsgrad: true)], Options()), Throws.TypeOf<ConfigurationException>().With.Message.Contains("amsgrad"));
        Assert.That(() => new OffloadedAdamW([new Parameter(ones(3, ScalarType.Float64))], Options()), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Float64"));
        Assert.That(() => new OffloadedAdamW(parameters, Options(), beta1: 1), Throws.TypeOf<ConfigurationException>().With.Message.Contains("Beta1"));
        using OffloadedAdamW ours = new(parameters, Options());
        Assert.That(() => ours.add_param_group(new AdamW.ParamGroup(parameters)), Throws.TypeOf<NotSupportedException>());
    }

    private static double Largest(Tensor a, Tensor b) => (a - b).abs().max().item<float>();

    private static List<Parameter> Parameters(int seed)
    {
        random.manual_seed(seed);
        return [.. _shapes.Select(static shape => new Parameter(randn(shape)))];
    }

    /// <summary>The same gradients, over many magnitudes, for both.</summary>
    private static void SetGradients(int step, List<Parameter> first, List<Parameter> second)
    {
        random.manual_seed(100 + step);
        for (int i = 0; i < first.Count; i++)
        {
            Tensor gradient = randn(first[i].shape) * randn(first[i].shape).exp();
            first[i].grad = gradient.clone();
            second[i].grad = gradient.clone();
        }
    }

    private static void RequireEqual(List<Parameter> expected, List<Parameter> actual, int step)
    {
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.That(
                MemoryMarshal.Cast<byte, uint>(actual[i].bytes).SequenceEqual(MemoryMarshal.Cast<byte, uint>(expected[i].bytes)), Is.True, $"parameter {i} after step {step}");
        }
    }

    /// <summary>Subgroups that cut tensors, a budget for six of the fifteen.</summary>
    private OffloadedAdamWOptions Options() => new()
    {
        Store = new StoreOptions { Paths = [StorePath], SegmentSize = ByteSize.FromMiB(4) },
        SubgroupElements = 8192 + 5,
        HostBudget = ByteSize.FromMiB(2),
    };

    /// <summary>TorchSharp's AdamW fed with gradients that were BF16 for a moment.</summary>
    private sealed class RoundingAdamW(List<Parameter> rounded, double rate) : optim.Optimizer(IntPtr.Zero)
    {
        private readonly AdamW _inner = optim.AdamW(rounded, rate);

        public override IEnumerable<Parameter> parameters() => rounded;

        public override void zero_grad() => _inner.zero_grad();

        public override Tensor step(Func<Tensor>? closure = null)
        {
            foreach (Parameter parameter in rounded) parameter.grad = parameter.grad!.to(ScalarType.BFloat16).to(ScalarType.Float32);
            return _inner.step(closure);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
