using TeraIO.Core;
using TeraIO.Distributed.Mpi;
using TeraIO.TestSupport;

namespace TeraIO.Distributed.Tests;

/// <summary>Who started this process, and with which MPI.</summary>
[TestFixture]
public class LaunchTests
{
    [Test]
    public void Without_a_launcher_there_is_none() => Assert.That(Launch.FromEnvironment(static _ => null), Is.Null);

    [TestCase("OMPI_COMM_WORLD_SIZE")]
    [TestCase("PMIX_RANK")]
    public void Open_MPI_s_launcher_shows_by_its_variables(string variable) =>
        Assert.That(Launch.FromEnvironment(name => name == variable ? "0" : null), Is.EqualTo(new Launch(Launch.DefaultLibrary, IsNamed: false)));

    [Test]
    public void The_launcher_of_another_MPI_is_refused() =>
        Assert.That(() => Launch.FromEnvironment(static name => name == "PMI_SIZE" ? "2" : null), Throws.TypeOf<ConfigurationException>().With.Message.Contains("one of 2").And.Message.Contains("apt-get install openmpi-bin"));

    [Test]
    public void One_process_of_another_launcher_is_alone() => Assert.That(Launch.FromEnvironment(static name => name == "PMI_SIZE" ? "1" : null), Is.Null);

    [Test]
    public void A_process_that_nobody_launched_is_the_only_rank_and_needs_no_MPI()
    {
        ProcessResult result = Run(("TERAIO_MPI_LIBRARY", "/no/such/library.so"));

        Assert.That(result, Is.EqualTo(new ProcessResult(0, "0: 7 summed, 0 wrong\n", "")));
    }

    [Test]
    public void A_launched_process_without_MPI_says_what_is_missing_and_what_to_install()
    {
        (int exitCode, _, string errors) = Run(("OMPI_COMM_WORLD_SIZE", "2"), ("TERAIO_MPI_LIBRARY", "/no/such/library.so"));

        Assert.Multiple(() =>
        {
            Assert.That(exitCode, Is.EqualTo(3));
            Assert.That(errors, Does.Contain("/no/such/library.so").And.Contain("which TERAIO_MPI_LIBRARY names").And.Contain("apt-get install openmpi-bin"));
        });
    }

    [Test]
    public void A_library_that_is_not_Open_MPI_is_refused()
    {
        (int exitCode, _, string errors) = Run(("OMPI_COMM_WORLD_SIZE", "2"), ("TERAIO_MPI_LIBRARY", "libc.so.6"));

        Assert.Multiple(() =>
        {
            Assert.That(exitCode, Is.EqualTo(3));
            Assert.That(errors, Does.Contain("libc.so.6 is not a usable Open MPI: it has no ompi_mpi_comm_world"));
        });
    }

    private static ProcessResult Run(params ReadOnlySpan<(string Name, string Value)> environment) =>
        ChildProcess.Run(ChildProcess.Dotnet, [RankProgram.Location, "sum", "7"], environment);
}
