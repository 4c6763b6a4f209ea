using TeraIO.Samples.GptTraining;
using TeraIO.TestSupport;
using TeraIO.Torch.Tests.Standins;

namespace TeraIO.Torch.Tests.Samples;

/// <summary>The sample as a user starts it with <c>--device cuda</c>, over TEST DOUBLES of libtorch_cuda, libcuda and libcufile. Nothing here has to do with a GPU.</summary>
[NonParallelizable]
public class StandinProgramTests : StandinTorchFixture
{
    // A random number drawn on a device is not in a checkpoint.
    private static readonly string[] _training = ["--device", "cuda", "--steps", "8", "--seed", "5", "--layers", "3", "--width", "128", "--dropout", "0", "--mode", "planned"];

    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void A_training_goes_on_from_a_checkpoint_that_was_written_while_tensors_were_away([Values("staged", "cufile")] string backend)
    {
        RunReport whole = Train("--no-offload");
        // Parameters and the two moments of AdamW are more than the session may hold: some are away whenever a checkpoint is written or read.
        long state = 3 * sizeof(float) * whole.Parameters;
        long budget = state * 3 / 4;
        string[] offloaded = ["--budget", $"{budget}", "--backend", backend, "--store", _directory];
        string checkpoint = Path.Combine(_directory, "training.ckpt");

        RunReport first = Train([.. offloaded, "--stop-after", "4", "--checkpoint", checkpoint]);
        RunReport rest = Train([.. offloaded, "--resume", checkpoint]);

        Assert.That(new FileInfo(checkpoint).Length, Is.GreaterThan(state));
        Assert.That(new[] { first.PeakLiveBytes, rest.PeakLiveBytes }, Is.All.Not.Null.And.All.LessThanOrEqualTo(budget));
        Assert.That(first.Losses, Is.EqualTo(whole.Losses.Take(4)));
        Assert.That(rest.Losses, Is.EqualTo(whole.Losses.Skip(4)));
    }

    private RunReport Train(params string[] arguments)
    {
        string json = Path.Combine(_directory, "report.json");
        ProcessResult run = ChildProcess.Run(ChildProcess.Dotnet, [typeof(RunReport).Assembly.Location, .. _training, .. arguments, "--json", json], Torch.EnvironmentWithDriver, _directory);
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((0, "")), run.Output);
        return RunReport.Read(json);
    }
}
