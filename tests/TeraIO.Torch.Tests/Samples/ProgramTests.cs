using TeraIO.Samples.GptTraining;
using TeraIO.TestSupport;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Samples;

/// <summary>The sample as a user starts it: a process of its own.</summary>
public class ProgramTests
{
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Libtorch_is_taken_from_a_directory_of_links_named_by_the_environment()
    {
        var links = Directory.CreateDirectory(Path.Combine(_directory, "links")).FullName;
        foreach (var file in Directory.GetFiles(new NativeLibrarySearch().FindLibTorch(null).Directory, "lib*.so*"))
            File.CreateSymbolicLink(Path.Combine(links, Path.GetFileName(file)), file);
        var json = Path.Combine(_directory, "report.json");

        var run = Start(["--unobserved", "--steps", "1", "--json", json], libTorch: links);

        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(RunReport.Read(json).LibTorchDirectory, Is.EqualTo(links));
    }

    [Test]
    public void A_missing_libtorch_is_one_clear_line_and_exit_code_1()
    {
        var run = Start(["--unobserved", "--steps", "1"], libTorch: "/nowhere");

        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(1));
            Assert.That(run.Errors.Trim().Split('\n'), Has.Length.EqualTo(1));
            Assert.That(run.Errors, Does.Contain("TERAIO_LIBTORCH").And.Contain("/nowhere"));
        });
    }

    [Test]
    public void Unusable_arguments_are_one_clear_line_and_exit_code_2()
    {
        var run = Start(["--mode", "guess", "--budget", "40%"], libTorch: null);

        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Errors.Trim(), Is.EqualTo("error: --mode 'guess' is unknown; choose one of planned, ondemand."));
        });
    }

    [Test]
    public void A_run_that_stops_after_a_step_goes_on_with_the_losses_of_the_whole_run()
    {
        string[] training = ["--unobserved", "--steps", "4", "--seed", "5"];
        var whole = Path.Combine(_directory, "whole.json");
        var rest = Path.Combine(_directory, "rest.json");
        var checkpoint = Path.Combine(_directory, "training.ckpt");

        int[] codes =
        [
            Start([.. training, "--json", whole], null).ExitCode,
            Start([.. training, "--stop-after", "2", "--checkpoint", checkpoint], null).ExitCode,
            Start([.. training, "--resume", checkpoint, "--json", rest], null).ExitCode,
        ];

        Assert.That(codes, Is.All.Zero);
        Assert.That(RunReport.Read(rest).Losses, Is.EqualTo(RunReport.Read(whole).Losses.Skip(2)));
    }

    [Test]
    public void Rounds_of_a_study_go_into_one_row_for_each_policy()
    {
        var report = Path.Combine(_directory, "study.json");

        var run = Start(
            ["--layers", "1", "--study", "on-demand-lru,planned", "--budgets", "2MiB", "--measure", "2", "--rounds", "2", "--improve", "2", "--store", _directory, "--json", report],
            libTorch: null);

        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        var rows = RunReport.Read(report).Study!;
        Assert.Multiple(() =>
        {
            Assert.That(rows.Select(static row => row.Policy), Is.EqualTo(new[] { "unlimited", "on-demand-lru", "planned" }));
            // Unlimited before each of the four turns and after the last.
            Assert.That(rows.Select(static row => row.AllStepSeconds.Count), Is.EqualTo(new[] { 10, 4, 4 }));
            Assert.That(rows.Select(static row => row.StepSeconds), Is.EqualTo(rows.Select(static row => Middle(row.AllStepSeconds))));
            Assert.That(rows[1].BytesRead, Is.Positive);
            Assert.That(run.Output, Does.Contain("| planned |"));
        });
    }

    private static double Middle(IReadOnlyList<double> even) => even.Order().Skip((even.Count / 2) - 1).Take(2).Average();

    private ProcessResult Start(string[] arguments, string? libTorch) => ChildProcess.Run(
        ChildProcess.Dotnet,
        [typeof(RunReport).Assembly.Location, .. arguments],
        libTorch is null ? [] : [(NativeLibrarySearch.EnvironmentVariable, libTorch)],
        _directory);
}
