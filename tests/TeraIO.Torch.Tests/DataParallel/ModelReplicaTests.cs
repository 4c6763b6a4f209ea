using TeraIO.Core;
using TeraIO.Distributed;
using TeraIO.Torch.DataParallel;
using TeraIO.Torch.Tests.Sessions;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Torch.Tests.DataParallel;

/// <summary>Replicas of a model in the ranks of one process.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class ModelReplicaTests : SessionFixture
{
    // 1024 numbers: smaller than some parameters, larger than others.
    private static readonly ByteSize _bucket = ByteSize.FromKiB(4);

    [Test]
    public void Gradients_of_any_size_become_their_mean([Values(2, 3)] int size)
    {
        List<float[]>[] means = Averaged(size, rank =>
        {
            Model model = Build();
            foreach (Parameter parameter in model.parameters()) parameter.grad = arange(parameter.numel(), float32).view(parameter.shape) * (3 * (rank + 1));
            return model;
        });

        float factor = Enumerable.Range(1, size).Sum() * 3f / size; // 4.5 or 6: exact
        foreach (List<float[]> gradients in means)
        {
            Assert.That(gradients.Sum(static g => g.Length), Is.GreaterThan(3 * 1024), "it must take several buckets");
            foreach (float[] gradient in gradients) Assert.That(gradient, Is.EqualTo(Enumerable.Range(0, gradient.Length).Select(i => i * factor)));
        }
    }

    [Test]
    public void A_gradient_that_only_some_ranks_have_counts_as_zero_in_the_others_and_one_that_none_has_stays_absent()
    {
        List<float[]>[] means = Averaged(2, static rank =>
        {
            Model model = Build();
            if (rank == 1) model.Bias.grad = full_like(model.Bias, 8f);
            return model;
        });

        foreach (List<float[]> gradients in means) Assert.That(gradients, Is.EqualTo(new[] { Enumerable.Repeat(4f, 40).ToArray() }));
    }

    [Test]
    public void A_gradient_with_transposed_strides_is_averaged_element_by_element()
    {
        List<float[]>[] means = Averaged(2, static rank =>
        {
            Model model = Build();
            // Rank 0 contiguous, rank 1 with the same values in another order of memory.
            Tensor values = arange(40 * 70, float32).view(40, 70);
            model.Weight.grad = rank == 0 ? values : values.t().contiguous().t();
            return model;
        });

        foreach (List<float[]> gradients in means) Assert.That(gradients.Single(), Is.EqualTo(Enumerable.Range(0, 40 * 70).Select(static i => (float)i)));
    }

    [Test]
    public void BF16_gradients_are_summed_in_FP32_and_rounded_once()
    {
        // In BF16 256 + 1 is 256; in FP32 the three sum up to 258, whose third is 86.
        List<float[]>[] means = Averaged(3, static rank =>
        {
            Model model = Build(ScalarType.BFloat16);
            model.Bias.grad = full_like(model.Bias, rank == 0 ? 256f : 1f);
            return model;
        });

        foreach (List<float[]> gradients in means) Assert.That(gradients.Single(), Is.All.EqualTo(86f));
    }

    [Test]
    public void The_mean_of_a_number_is_the_same_in_all_ranks()
    {
        var means = new float[3];

        Exception?[] thrown = ThreadRanks.Run(3, ranks => means[ranks.Rank] = new ModelReplica(Build(), ranks).Average(ranks.Rank + 0.5f));

        Assert.That(thrown, Is.All.Null);
        Assert.That(means, Is.All.EqualTo(1.5f));
    }

    [Test]
    public void Ranks_that_begin_with_other_values_all_learn_which_parameter_and_which_rank()
    {
        Exception?[] thrown = ThreadRanks.Run(3, static ranks =>
        {
            Model model = Build();
            using (no_grad())
            {
                if (ranks.Rank == 2) model.Bias[39] = 1e-9f;
            }

            new ModelReplica(model, ranks, bucketSize: _bucket).RequireEqualParameters();
        });

        Assert.That(thrown, Is.All.TypeOf<ConfigurationException>().With.Message.StartsWith("Rank 2 has other values than rank 0 in parameter bias: begin with the same seed"));
    }

    [Test]
    public void After_a_broadcast_all_ranks_have_the_values_of_rank_0([Values(ScalarType.Float32, ScalarType.BFloat16)] ScalarType type)
    {
        var first = new float[3];

        Exception?[] thrown = ThreadRanks.Run(3, ranks =>
        {
            Model model = Build(type);
            using (no_grad()) model.Weight.fill_(1f / (1 + ranks.Rank));
            var replica = new ModelReplica(model, ranks, bucketSize: _bucket);
            replica.BroadcastParameters();
            replica.RequireEqualParameters();
            first[ranks.Rank] = model.Weight[39, 69].to(float32).item<float>();
        });

        Assert.That(thrown, Is.All.Null);
        Assert.That(first, Is.All.EqualTo(1f));
    }

    [Test]
    public void Ranks_with_other_models_all_learn_where_they_differ()
    {
        Exception?[] shape = ThreadRanks.Run(2, static ranks => _ = new ModelReplica(Build(columns: 70 + ranks.Rank), ranks));
        Exception?[] count = ThreadRanks.Run(2, static ranks => _ = new ModelReplica(ranks.Rank == 0 ? Build() : nn.Linear(1, 1, hasBias: false), ranks));

        Assert.That(shape, Is.All.TypeOf<ConfigurationException>().With.Message.StartsWith("Rank 1 has another model than rank 0: they differ first in parameter 1, which here is weight, Float32 [40, 7"));
        Assert.That(count, Is.All.TypeOf<ConfigurationException>().With.Message.StartsWith("Rank 1 has another model than rank 0"));
    }

    [Test]
    public void What_cannot_be_averaged_is_refused_by_name()
    {
        using Model wide = Build(ScalarType.Float64);
        using Model model = Build();

        Assert.That(() => new ModelReplica(wide, new SingleProcess()), Throws.TypeOf<ConfigurationException>().With.Message.Contains("bias is Float64"));
        Assert.That(() => new ModelReplica(model, new SingleProcess(), bucketSize: ByteSize.FromGiB(2)), Throws.TypeOf<ConfigurationException>().With.Message.Contains("bucket size is 2.00 GiB"));
        Exception?[] thrown = ThreadRanks.Run(2, static ranks =>
        {
            using var sparse = nn.Embedding(10, 4, sparse: true);
            using Tensor loss = sparse.forward(tensor(new long[] { 1, 2 })).sum();
            loss.backward();
            new ModelReplica(sparse, ranks).AverageGradients();
        });
        Assert.That(thrown.First(static e => e is not null), Is.TypeOf<ConfigurationException>().With.Message.Contains("weight is sparse"));
    }

    [Test]
    public void A_single_rank_keeps_its_gradients_as_they_are()
    {
        using Model model = Build();
        model.Bias.grad = full_like(model.Bias, 8f);

        var replica = new ModelReplica(model, new SingleProcess());
        replica.BroadcastParameters();
        replica.RequireEqualParameters();
        replica.AverageGradients();

        Assert.That(model.Bias.grad!.data<float>().ToArray(), Is.All.EqualTo(8f));
        Assert.That(replica.Average(3f), Is.EqualTo(3f));
    }

    [Test]
    public void Gradients_that_are_on_storage_come_back_for_the_mean_and_leave_again()
    {
        const int Layers = 12; // 256 KiB of gradient each, twice as many as fit, in two ranks
        ByteSize budget = ByteSize.FromMiB(5);
        var sums = new List<double>[2];
        using (OffloadSession session = BeginUnder(budget))
        {
            Exception?[] thrown = ThreadRanks.Run(2, ranks =>
            {
                using IDisposable scope = NewDisposeScope();
                using var model = new Stack(Layers, 256);
                int i = 0;
                foreach (Parameter parameter in model.parameters()) parameter.grad = full_like(parameter, ++i * (1 + (2 * ranks.Rank)));
                var replica = new ModelReplica(model, ranks, session, ByteSize.FromKiB(384));
                replica.AverageGradients();
                sums[ranks.Rank] = [.. model.parameters().Select(static parameter => Mean(parameter.grad!))];
            });

            Assert.That(thrown, Is.All.Null);
            Assert.That(session.Statistics.BytesRead.Bytes, Is.Positive, "nothing moved: the test would prove nothing");
            Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        }

        Assert.That(sums, Is.All.EqualTo(Enumerable.Range(1, Layers).Select(static i => 2.0 * i)));
    }

    private static double Mean(Tensor tensor)
    {
        using IDisposable scope = NewDisposeScope();
        return tensor.mean().item<float>();
    }

    /// <summary>Builds a model in each rank, averages, and gives the gradients that each has then.</summary>
    private static List<float[]>[] Averaged(int size, Func<int, Model> build)
    {
        var gradients = new List<float[]>[size];
        Exception?[] thrown = ThreadRanks.Run(size, ranks =>
        {
            using IDisposable scope = NewDisposeScope();
            using Model model = build(ranks.Rank);
            new ModelReplica(model, ranks, bucketSize: _bucket).AverageGradients();
            gradients[ranks.Rank] = [.. model.parameters().Select(static p => p.grad).OfType<Tensor>().Select(static g => g.to(float32).contiguous().data<float>().ToArray())];
        });
        Assert.That(thrown, Is.All.Null);
        return gradients;
    }

    private static Model Build(ScalarType type = ScalarType.Float32, long columns = 70) => new(type, columns);

    /// <summary>A bias of 40 numbers and a weight of 40 times as many as there are columns.</summary>
    private sealed class Model : nn.Module
    {
        public Model(ScalarType type, long columns)
            : base(nameof(Model))
        {
            Bias = new Parameter(zeros(40, type));
            Weight = new Parameter(zeros([40, columns], type));
            Last = new Parameter(zeros([1000], type));
            register_parameter("bias", Bias);
            register_parameter("weight", Weight);
            register_parameter("last", Last);
        }

        public Parameter Bias { get; }

        public Parameter Weight { get; }

        public Parameter Last { get; }
    }

    /// <summary>Square matrices.</summary>
    private sealed class Stack : nn.Module
    {
        public Stack(int count, long width)
            : base(nameof(Stack))
        {
            for (int i = 0; i < count; i++) register_parameter($"matrix{i}", new Parameter(ones(width, width)));
        }
    }
}
