using TeraIO.Samples.GptTraining;
using TeraIO.Torch.Runtime;
using TorchSharp;

namespace TeraIO.Torch.Tests.Samples;

public class GptModelTests
{
    private static readonly GptConfig _tiny = GptConfig.Named("nano") with { Layers = 1, Width = 16, Heads = 2, Sequence = 8, Dropout = 0 };
    private DisposeScope _scope = null!;

    [OneTimeSetUp]
    public void LoadTorch() => TorchRuntime.Initialize();

    [SetUp]
    public void OpenScope()
    {
        torch.random.manual_seed(7);
        _scope = torch.NewDisposeScope();
    }

    [TearDown]
    public void CloseScope() => _scope.Dispose();

    [Test]
    public void The_stated_parameter_count_is_the_models([Values] bool tied)
    {
        using var model = new GptModel(_tiny with { Tied = tied });

        Assert.That(model.parameters().Sum(p => p.numel()), Is.EqualTo(model.Config.Parameters));
    }

    [Test]
    public void A_later_token_does_not_change_an_earlier_position()
    {
        using var model = new GptModel(_tiny);
        var one = model.Hidden(torch.tensor(new long[] { 1, 2, 3, 4 }, [1, 4]));
        var other = model.Hidden(torch.tensor(new long[] { 1, 2, 3, 200 }, [1, 4]));

        Assert.Multiple(() =>
        {
            Assert.That(torch.equal(one.narrow(1, 0, 3), other.narrow(1, 0, 3)).all().item<bool>(), Is.True);
            Assert.That(torch.equal(one, other).all().item<bool>(), Is.False);
        });
    }

    [Test]
    public void The_loss_in_chunks_is_the_loss([Values(1, 3, 16, 1000)] int chunk)
    {
        using var model = new GptModel(_tiny);
        var tokens = torch.randint(0, 256, new long[] { 2, 8 }, torch.int64);
        var targets = torch.randint(0, 256, new long[] { 2, 8 }, torch.int64);

        var whole = model.Loss(tokens, targets, 16).item<float>();

        Assert.That(model.Loss(tokens, targets, chunk).item<float>(), Is.EqualTo(whole).Within(1e-5));
    }

    [Test]
    public void A_vocabulary_in_several_parameters_gives_the_rows_of_one_matrix()
    {
        using var matrix = new VocabularyMatrix("v", rows: 10, width: 4, standardDeviation: 1, largestShardBytes: 3 * 4 * sizeof(float));
        var whole = torch.cat(matrix.parameters().Select(p => p.detach()).ToList());
        var tokens = torch.tensor(new long[] { 0, 2, 3, 9, 5, 5 }, [2, 3]);

        Assert.Multiple(() =>
        {
            Assert.That(matrix.Shards, Is.EqualTo(4));
            Assert.That(whole.shape, Is.EqualTo(new long[] { 10, 4 }));
            Assert.That(torch.equal(matrix.Lookup(tokens), whole.index(torch.TensorIndex.Tensor(tokens))).all().item<bool>(), Is.True);
        });
    }

    [Test]
    public void Scores_of_a_divided_vocabulary_are_those_of_one_matrix()
    {
        using var matrix = new VocabularyMatrix("v", rows: 10, width: 4, standardDeviation: 1, largestShardBytes: 3 * 4 * sizeof(float));
        var whole = torch.cat(matrix.parameters().Select(p => p.detach()).ToList());
        var hidden = torch.randn(5, 4);

        Assert.That(torch.allclose(matrix.Scores(hidden), hidden.matmul(whole.t())), Is.True);
    }

    [Test]
    public void A_step_keeps_no_tensor_but_the_optimizers_and_no_gradient()
    {
        using var model = new GptModel(_tiny);
        using var optimizer = Optimizers.Create("adamw", model, 1e-3, 0.1);
        using var batches = new TextBatches(new CountingText(200), new ByteTokenizer(), _tiny);
        var step = new TrainingStep(model, optimizer, new LearningRateSchedule(1e-3, 1, 4), new TrainingStepSettings(2, 4, 1.0));
        step.Run(0, batches, 2, 8);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        step.Run(1, batches, 2, 8);
        step.Run(2, batches, 1, 4);

        Assert.Multiple(() =>
        {
            Assert.That(DisposeScopeManager.Statistics.ThreadTotalLiveCount, Is.EqualTo(before));
            Assert.That(model.parameters().Select(p => p.grad), Is.All.Null);
        });
    }

    [Test]
    public void Evaluation_draws_no_random_numbers_and_repeats()
    {
        using var model = new GptModel(_tiny with { Dropout = 0.5 });
        using var optimizer = Optimizers.Create("sgd", model, 1e-3, 0);
        using var batches = new TextBatches(new CountingText(200), new ByteTokenizer(), _tiny);
        var step = new TrainingStep(model, optimizer, new LearningRateSchedule(1e-3, 1, 4), new TrainingStepSettings(1, 4, 1.0));
        var before = torch.get_rng_state().bytes.ToArray();

        var first = step.Evaluate(batches);
        var second = step.Evaluate(batches);

        Assert.Multiple(() =>
        {
            Assert.That(second, Is.EqualTo(first));
            Assert.That(torch.get_rng_state().bytes.ToArray(), Is.EqualTo(before));
        });
    }
}
