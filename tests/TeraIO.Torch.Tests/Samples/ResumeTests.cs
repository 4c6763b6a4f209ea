using TeraIO.Core;
using TeraIO.Samples.GptTraining;
using TeraIO.Torch.Runtime;
using TorchSharp;

namespace TeraIO.Torch.Tests.Samples;

public class ResumeTests
{
    private const int Steps = 6;
    private const int Interruption = 3;

    // Dropout on: resuming must restore the random numbers as well.
    private static readonly GptConfig _config =
        GptConfig.Named("nano") with { Layers = 2, Width = 16, Heads = 2, Sequence = 16, Batch = 2, Dropout = 0.2 };

    private string _directory = "";

    private string Checkpoint => Path.Combine(_directory, "training.ckpt");

    [OneTimeSetUp]
    public void LoadTorch() => TorchRuntime.Initialize();

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Resumed_losses_equal_the_uninterrupted_ones_to_the_last_bit([Values("sgd", "adam", "adamw")] string optimizer)
    {
        var uninterrupted = Train(optimizer, 0, Steps, resume: false, save: false);
        Train(optimizer, 0, Interruption, resume: false, save: true);

        var resumed = Train(optimizer, Interruption, Steps, resume: true, save: false);

        Assert.That(resumed, Is.EqualTo(uninterrupted[Interruption..]));
    }

    [Test]
    public void A_damaged_checkpoint_changes_nothing()
    {
        Train("adamw", 0, 1, resume: false, save: true);
        var bytes = File.ReadAllBytes(Checkpoint);
        bytes[^100] ^= 1;
        File.WriteAllBytes(Checkpoint, bytes);
        using var model = new GptModel(_config);
        using var optimizer = Optimizers.Create("adamw", model, 1e-3, 0);
        var before = model.parameters().Select(p => p.bytes.ToArray()).ToList();
        using var reader = new CheckpointReader(Checkpoint);
        var metadata = TrainingState.ReadMetadata(reader, _config, "adamw", "bytes", "text");

        Assert.That(() => new TrainingState(model, optimizer, session: null).Load(reader, metadata), Throws.InstanceOf<CorruptionException>());
        Assert.That(model.parameters().Select(p => p.bytes.ToArray()), Is.EqualTo(before));
    }

    [TestCase("adamw", "bytes", "text", 3, "model")]
    [TestCase("sgd", "bytes", "text", 2, "optimizer")]
    [TestCase("adamw", "cl100k", "text", 2, "tokenizer")]
    [TestCase("adamw", "bytes", "other", 2, "text")]
    public void A_checkpoint_of_another_training_is_refused_by_what_differs(string optimizer, string tokenizer, string text, int layers, string what)
    {
        Train("adamw", 0, 1, resume: false, save: true);
        using var reader = new CheckpointReader(Checkpoint);

        Assert.That(
            () => TrainingState.ReadMetadata(reader, _config with { Layers = layers }, optimizer, tokenizer, text),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains($"checkpoint's {what} is"));
    }

    private float[] Train(string optimizerName, int from, int to, bool resume, bool save)
    {
        // Another seed on resuming: everything random has to come from the checkpoint.
        torch.random.manual_seed(resume ? 99 : 1);
        using var model = new GptModel(_config);
        using var optimizer = Optimizers.Create(optimizerName, model, 1e-2, 0.1);
        var state = new TrainingState(model, optimizer, session: null);
        long position = 0;
        if (resume)
        {
            using var reader = new CheckpointReader(Checkpoint);
            var metadata = TrainingState.ReadMetadata(reader, _config, optimizerName, "bytes", "text");
            state.Load(reader, metadata);
            position = metadata.TextPosition;
        }
        using var batches = new TextBatches(new CountingText(400), new ByteTokenizer(), _config, position);
        var step = new TrainingStep(model, optimizer, new LearningRateSchedule(1e-2, 2, Steps), new TrainingStepSettings(2, 8, 1.0));
        var losses = Enumerable.Range(from, to - from).Select(i => step.Run(i, batches, _config.Batch, _config.Sequence)).ToArray();
        if (save)
            state.Save(Checkpoint, optimizerName, "bytes", "text", to, batches.Position);
        return losses;
    }
}
