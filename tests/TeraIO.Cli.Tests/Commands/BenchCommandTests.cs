using System.Text.Json;
using TeraIO.Core.Storage;

namespace TeraIO.Cli.Tests.Commands;

public sealed class BenchCommandTests : CliFixture
{
    private static readonly string[] _short = ["--seconds", "0.01", "--file-size", "1MiB", "--size", "4KiB,64KiB", "--depth", "1,4"];

    [Test]
    public void Every_setting_is_measured_beside_the_plain_loop_and_no_file_stays()
    {
        JsonElement result = Json(["bench", "--path", Folder, .. _short]);
        JsonElement[] cells = [.. result.GetProperty("measurements").EnumerateArray()];
        string[] backends = [.. cells.Select(static c => c.GetProperty("backend").GetString()!).Distinct()];
        Assert.That(backends, Does.Contain("raw").And.Contain("threads"));
        Assert.That(cells, Has.Length.EqualTo(backends.Length * 2 * 2 * 3));
        foreach (JsonElement cell in cells)
        {
            string direction = cell.GetProperty("direction").GetString()!;
            Assert.That(cell.GetProperty("readBandwidth").GetDouble(), direction == "write" ? Is.Zero : Is.GreaterThan(0));
            Assert.That(cell.GetProperty("writeBandwidth").GetDouble(), direction == "read" ? Is.Zero : Is.GreaterThan(0));
        }

        Assert.That(Directory.GetFileSystemEntries(Folder), Is.EqualTo(new[] { TraceFile }));
    }

    [Test]
    public void GPU_backends_that_do_not_work_are_named_with_their_reason()
    {
        JsonElement[] backends = [.. Json(["bench", "--path", Folder, .. _short]).GetProperty("backends").EnumerateArray()];
        Assert.That(backends.Select(static b => b.GetProperty("backend").GetString()), Is.EqualTo(new[] { "io_uring", "threads", "cufile", "staged" }));
        foreach (JsonElement backend in backends) Assert.That(backend.GetProperty("reason").GetString()!.Length > 0, Is.Not.EqualTo(backend.GetProperty("works").GetBoolean()));
    }

    [Test]
    public void The_profile_takes_the_place_of_bandwidths_in_the_planning_commands()
    {
        string profile = Path("machine.profile.json");
        (int code, string output, string error) = Run(["bench", "--path", Folder, "-o", profile, .. _short]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("best setting").And.Contain("of the plain loop's best"));
        BandwidthProfile measured = BandwidthProfileFile.Read(profile);
        JsonElement plan = Json("plan", "-t", TraceFile, "--budget", "40%", "--profile", profile, "-o", Path("p.json"));
        Assert.That(plan.GetProperty("readBandwidth").GetDouble(), Is.EqualTo(measured.Together().ReadBandwidth));
        Assert.That(plan.GetProperty("writeBandwidth").GetDouble(), Is.EqualTo(measured.Together().WriteBandwidth));
        Assert.That(Run("simulate", "-t", TraceFile, "-p", Path("p.json"), "--profile", profile).Code, Is.Zero);
        Assert.That(Run("compare", "-t", TraceFile, "--budget", "40%", "--policies", "planned", "--no-bounds", "--profile", profile).Code, Is.Zero);
    }

    [Test]
    public void The_processor_time_of_transfers_is_lost_to_the_ops_undivided()
    {
        string profile = Path("machine.profile.json");
        const double SecondsPerByte = 1e-7;
        BandwidthProfileFile.Write(new BandwidthProfile("m", DateTimeOffset.UnixEpoch, [new PathBandwidth("/a", "io_uring", 4096, 8, 2e6, 1e6, 0, 0, SecondsPerByte)]), profile);
        string computeLost = (SecondsPerByte * (1L << 30)).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        double Step(string plan, params string[] machine) => Json(["plan", "-t", TraceFile, "--budget", "40%", "-o", Path(plan), .. machine]).GetProperty("stepSeconds").GetDouble();
        double profiled = Step("profiled.json", "--profile", profile);
        Assert.That(profiled, Is.EqualTo(Step("described.json", [.. Machine, "--compute-per-gib", computeLost])).Within(1e-9).Percent);
        Assert.That(profiled, Is.GreaterThan(Step("free.json", "--profile", profile, "--compute-per-gib", "0")));
    }

    [Test]
    public void A_profile_and_bandwidths_contradict_each_other()
    {
        string profile = Path("machine.profile.json");
        BandwidthProfileFile.Write(new BandwidthProfile("m", DateTimeOffset.UnixEpoch, [new PathBandwidth("/a", "io_uring", 4096, 1, 1e6, 1e6, 0, 0, 0)]), profile);
        Assert.That(Failure(ExitCodes.Usage, ["plan", "-t", TraceFile, "--budget", "40%", "--profile", profile, "-o", Path("p.json"), .. Machine]), Does.Contain("leave one out"));
        File.WriteAllText(profile, "{}");
        Assert.That(Failure(ExitCodes.BadInput, "plan", "-t", TraceFile, "--budget", "40%", "--profile", profile, "-o", Path("p.json")), Does.Contain(profile));
    }

    [Test]
    public void What_cannot_be_measured_is_one_line_and_leaves_nothing()
    {
        Assert.That(Failure(ExitCodes.Usage, "bench", "--path", Path("none"), "--seconds", "0.01"), Does.Contain("none"));
        Assert.That(Failure(ExitCodes.BadInput, "bench", "--path", Folder, "--file-size", "1000TiB"), Does.Contain("no room").And.Contain("--file-size"));
        Assert.That(Failure(ExitCodes.Usage, "bench", "--path", Folder, "--size", "1000"), Does.Contain("multiple of 4096"));
        Assert.That(Failure(ExitCodes.Usage, ["bench", "--path", Folder, "--direction", "read", "-o", Path("x.json"), .. _short]), Does.Contain("both directions"));
        Assert.That(Directory.GetFileSystemEntries(Folder), Is.EqualTo(new[] { TraceFile }));
    }

    [Test]
    public async Task Stopping_it_leaves_nothing()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync().ConfigureAwait(false);
        using var output = new StringWriter();
        int code = await Teraio.RunAsync(["bench", "--path", Folder, "--seconds", "600"], new CommandConsole(output, output), stop.Token).ConfigureAwait(false);
        Assert.That(code, Is.EqualTo(ExitCodes.Cancelled));
        Assert.That(Directory.GetFileSystemEntries(Folder), Is.EqualTo(new[] { TraceFile }));
    }
}
