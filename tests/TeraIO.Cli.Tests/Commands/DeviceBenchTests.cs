using System.Text.Json;
using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Cli.Tests.Commands;

/// <summary>
/// Measurements of a GPU's memory, over test doubles of libcuda and libcufile in a process of its own: which driver a process has is decided once. The figures say nothing of any GPU.
/// </summary>
public sealed class DeviceBenchTests : CliFixture
{
    private static readonly string[] _short = ["--seconds", "0.02", "--file-size", "2MiB", "--size", "64KiB,1MiB", "--depth", "1,4"];

    [Test]
    public void Device_memory_is_measured_beside_the_disk_the_copies_and_a_plain_loop()
    {
        ProcessResult run = Start(["bench", "--path", Folder, "--backend", "staged,cufile", "--json", .. _short]);
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((0, "")), "the doubles saw misuse, or it failed");
        JsonElement result = JsonDocument.Parse(run.Output).RootElement;
        JsonElement[] cells = [.. result.GetProperty("measurements").EnumerateArray()];
        Assert.That(cells.Select(static c => c.GetProperty("backend").GetString()).Distinct(), Is.EqualTo(new[] { "raw", "copy", "loop", "staged", "cufile" }));
        Assert.That(cells, Has.Length.EqualTo(5 * 2 * 2 * 3));
        foreach (JsonElement cell in cells)
        {
            string direction = cell.GetProperty("direction").GetString()!;
            Assert.That(cell.GetProperty("readBandwidth").GetDouble(), direction == "write" ? Is.Zero : Is.GreaterThan(0));
            Assert.That(cell.GetProperty("writeBandwidth").GetDouble(), direction == "read" ? Is.Zero : Is.GreaterThan(0));
        }

        Assert.That(result.GetProperty("routes").EnumerateArray().Single().GetProperty("backend").GetString(), Is.EqualTo("cufile"));
        Assert.That(Directory.GetFileSystemEntries(Folder), Is.EqualTo(new[] { TraceFile }));
    }

    [Test]
    public void The_profile_has_the_backend_that_a_store_takes_and_the_summary_names_the_limit()
    {
        string profile = Path("gpu.profile.json");
        ProcessResult run = Start(["bench", "--path", Folder, "--backend", "staged", "-o", profile, .. _short]);
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((0, "")));
        Assert.That(run.Output, Does.Contain("GPU memory").And.Contain("disk alone").And.Contain("copy alone").And.Contain("plain loop").And.Contain("of the plain loop's best").And.Match("read limit +(disk|copies) .* reached").And.Match("write limit +(disk|copies) .* reached"));
        Assert.That(BandwidthProfileFile.Read(profile).Paths.Single().Backend, Is.EqualTo("staged"));
        Assert.That(Run("plan", "-t", TraceFile, "--budget", "40%", "--profile", profile, "-o", Path("p.json")).Code, Is.Zero);
    }

    [Test]
    public void The_profile_of_both_backends_tells_a_session_which_one_to_take()
    {
        string file = Path("both.profile.json");
        ProcessResult run = Start(["bench", "--path", Folder, "--backend", "staged,cufile", "-o", file, .. _short]);
        Assert.That((run.ExitCode, run.Errors), Is.EqualTo((0, "")));
        BandwidthProfile profile = BandwidthProfileFile.Read(file);
        Assert.That(profile.Gpu, Is.EqualTo("stand-in (no GPU) at 0000:3b:00.0"));
        Assert.That(profile.Measured.Select(static m => (m.Backend, m.RequestBytes, m.QueueDepth)).ToArray(), Has.Length.EqualTo(8).And.Unique);
        MeasuredBackend choice = MeasuredBackend.Of(profile, Folder, profile.Gpu!, 1 << 20, 32);
        Assert.That(choice.Faster, Is.Not.Null);
        Assert.That(profile.Paths.Single().Backend, Is.EqualTo(BackendNames.Of(choice.Faster!.Value)), "what is planned with is what a session takes");
        Assert.That(run.Output, Does.Contain($"A session takes {choice.Faster} by itself: "));
    }

    [TestCase("staged")]
    [TestCase("cufile")]
    public void Without_a_GPU_one_line_says_what_is_missing(string backend)
    {
        ProcessResult run = ChildProcess.Run(Program, ["bench", "--path", Folder, "--backend", backend], [("TERAIO_CUDA_PATH", Path("libcuda.so.1")), ("TERAIO_CUFILE_PATH", Path("libcufile.so.0"))]);
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(run.Errors.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1));
        Assert.That(run.Errors, Does.StartWith($"teraio: The backend {backend} does not work here: ").And.Contain(Folder).And.Contain("teraio doctor"));
    }

    [Test]
    public void A_GPU_that_is_not_there_is_refused()
    {
        ProcessResult run = Start("bench", "--path", Folder, "--backend", "staged", "--gpu", "7");
        Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Usage));
        Assert.That(run.Errors, Does.StartWith("teraio: ").And.Contain("CUDA device 7"));
    }

    [Test]
    public void Backends_of_both_kinds_of_memory_and_unknown_ones_are_refused()
    {
        Assert.That(Failure(ExitCodes.Usage, "bench", "--path", Folder, "--backend", "threads,staged"), Does.Contain("one kind at a time"));
        Assert.That(Failure(ExitCodes.Usage, "bench", "--path", Folder, "--backend", "auto"), Does.Contain("io_uring, threads, cufile or staged"));
    }

    private static string Program => System.IO.Path.Combine(TestContext.CurrentContext.TestDirectory, "teraio");

    private static ProcessResult Start(params string[] arguments)
    {
        if (StandinLibraries.WhyMissing(StandinLibraries.Environment.Select(static v => v.Value)) is { } why) Assert.Ignore(why);
        return ChildProcess.Run(Program, arguments, [.. StandinLibraries.Environment]);
    }
}
