using System.CommandLine;
using System.Text.Json;
using TeraIO.Cli.Commands;
using TeraIO.Cli.Tests.Doctor;

namespace TeraIO.Cli.Tests.Commands;

public sealed class DoctorCommandTests : CliFixture
{
    [Test]
    public void The_machine_that_this_runs_on_gets_a_report_and_nothing_is_left_in_the_path()
    {
        JsonElement report = Json("doctor", "--path", Folder);
        string[] names = [.. report.GetProperty("sections").EnumerateArray().SelectMany(static s => s.GetProperty("findings").EnumerateArray()).Select(static f => f.GetProperty("name").GetString()!)];
        Assert.That(names, Does.Contain("kernel").And.Contain("io_uring").And.Contain("direct I/O").And.Not.Contain("check"));
        Assert.That(Directory.GetFileSystemEntries(Folder), Is.EqualTo(new[] { TraceFile }));
    }

    [Test]
    public void A_path_that_does_not_exist_is_a_finding_not_a_failure()
    {
        (int code, string output, string error) = Run("doctor", "--path", Path("none"));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("does not exist").And.Contain("mkdir -p"));
    }

    [Test]
    public void What_is_not_green_says_where_it_is_from_and_what_to_do_and_verbose_says_it_of_all()
    {
        using RecordedMachine machine = Recordings.FaultyP2pHost();
        string page = Page(machine, "doctor", "--path", "/mnt/fast");
        Assert.That(page, Does.Contain("red     libcuda").And.Contain("from dynamic linker").And.Contain("-> Install the driver's user-space part"));
        Assert.That(page, Does.Not.Contain("from /proc/meminfo"));
        Assert.That(Page(machine, "doctor", "--path", "/mnt/fast", "--verbose"), Does.Contain("from /proc/meminfo"));
    }

    [Test]
    public void What_does_not_apply_for_one_reason_is_one_line()
    {
        using RecordedMachine machine = Recordings.BareContainer();
        Assert.That(Page(machine, "doctor", "--path", "/work"), Does.Contain("n/a     gpu                 no NVIDIA GPU (therefore also virtual machine, driver, device files, libcuda, cufile"));
    }

    private static string Page(RecordedMachine machine, params string[] arguments)
    {
        using var output = new StringWriter();
        var root = new RootCommand { DoctorCommand.Create(new CommandConsole(output, output), machine.Machine) };
        Assert.That(root.Parse(arguments).Invoke(), Is.Zero);
        return output.ToString();
    }
}
