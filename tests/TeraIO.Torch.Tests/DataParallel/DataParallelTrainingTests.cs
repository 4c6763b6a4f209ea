using System.Globalization;
using TeraIO.Samples.GptTraining;
using TeraIO.TestSupport;

namespace TeraIO.Torch.Tests.DataParallel;

/// <summary>The sample as two ranks of mpirun: the losses of one process, and the same bits with and without offloading.</summary>
[TestFixture]
[NonParallelizable]
public class DataParallelTrainingTests
{
    private const int Steps = 8;
    private const int TokensPerStep = 4 * 64;

    private static readonly string _program = typeof(RunReport).Assembly.Location;

    private static readonly string[] _training =
    [
        "--config", "nano", "--width", "128", "--batch", "4", "--seq", "64", "--dropout", "0", "--seed", "3", "--steps", Text(Steps),
    ];

    private string _directory = "";

    private RunReport? _unlimited;

    private string Json => Path.Combine(_directory, "report.json");

    /// <summary>Two ranks without offloading: every run has the same bits, so that one serves all tests.</summary>
    private RunReport Unlimited => _unlimited ??= Train(["--no-offload"]);

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [TestCase("adamw", "1")]
    [TestCase("sgd", "2")]
    public void Two_ranks_have_the_losses_of_one_process_within_the_bound(string optimizer, string accumulate)
    {
        // Without clipping the size of the gradients counts, not only their direction.
        string[] arguments = ["--no-offload", "--optimizer", optimizer, "--accumulate", accumulate, "--clip", "0"];
        RunReport alone = TrainAlone(arguments);
        RunReport together = Train(arguments);

        Assert.That(together.Ranks, Is.EqualTo(2));
        for (int i = 0; i < Steps; i++)
        {
            double bound = LossBound.Relative(i + 1, TokensPerStep * int.Parse(accumulate, CultureInfo.InvariantCulture));
            Assert.That(Math.Abs(together.Losses[i] - alone.Losses[i]) / alone.Losses[i], Is.LessThanOrEqualTo(bound), $"step {i + 1}: {alone.Losses[i]} alone, {together.Losses[i]} together");
        }
    }

    [TestCase("ondemand")]
    [TestCase("planned")]
    public void Offloading_in_every_rank_changes_no_bit(string mode)
    {
        long peak = Unlimited.RankPeakLiveBytes!.Max();
        string store = Directory.CreateDirectory(Path.Combine(_directory, "store")).FullName;

        RunReport offloaded = Train(["--budget", "60%", "--unlimited-peak", Text(peak), "--store", store, "--mode", mode]);

        Assert.Multiple(() =>
        {
            Assert.That(Comparison.DifferingSteps(Unlimited.Losses, offloaded.Losses), Is.Empty);
            Assert.That(offloaded.RankPeakLiveBytes, Is.All.LessThanOrEqualTo(offloaded.BudgetBytes!.Value));
            Assert.That(offloaded.RankTrafficBytes, Has.Exactly(2).Positive, "nothing moved: the test would prove nothing");
            Assert.That(offloaded.PlannedSteps, mode == "planned" ? Is.GreaterThanOrEqualTo(Steps - 3) : Is.Zero, "two equal steps make a plan");
            Assert.That(Directory.GetFileSystemEntries(store), Is.Empty, "files left in the store's directory");
        });
    }

    [Test]
    public void A_run_of_two_ranks_goes_on_from_its_checkpoint_with_the_losses_of_the_whole_run()
    {
        string checkpoint = Path.Combine(_directory, "training.ckpt");
        Train(["--no-offload", "--stop-after", "3", "--checkpoint", checkpoint]);

        RunReport rest = Train(["--no-offload", "--resume", checkpoint]);

        Assert.That(rest.Losses, Is.EqualTo(Unlimited.Losses.Skip(3)));
    }

    [Test]
    public void A_rank_that_fails_ends_all_with_its_error()
    {
        ProcessResult result = MpiRun.Run(2, [_program, "--data-parallel", .. _training, "--budget", "1MiB", "--store", "/no/such/directory"]);

        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Errors, Does.Match("error: rank [01]: .*/no/such/directory"));
    }

    [Test]
    public void A_batch_that_the_ranks_cannot_share_is_refused()
    {
        ProcessResult result = MpiRun.Run(3, [_program, "--data-parallel", .. _training, "--no-offload"]);

        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Errors, Does.Contain("--batch 4 does not divide into 3 equal parts"));
    }

    [Test]
    public void Without_mpirun_the_only_rank_has_the_bits_of_a_plain_training() =>
        Assert.That(TrainAlone(["--no-offload", "--data-parallel"]).Losses, Is.EqualTo(TrainAlone(["--no-offload"]).Losses));

    private RunReport Train(string[] arguments) => ReportOf(MpiRun.Run(2, [_program, "--data-parallel", .. _training, .. arguments, "--json", Json]));

    /// <summary>With the threads that <see cref="MpiRun"/> gives a rank.</summary>
    private RunReport TrainAlone(string[] arguments) =>
        ReportOf(ChildProcess.Run(ChildProcess.Dotnet, [_program, .. _training, .. arguments, "--json", Json], [("OMP_NUM_THREADS", "1")]));

    private RunReport ReportOf(ProcessResult result)
    {
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        return RunReport.Read(Json);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
