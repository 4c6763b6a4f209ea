using TeraIO.TestSupport;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Observation;

/// <summary>
/// <see cref="CudaObserverTests"/> in a process of its own, on a CPU libtorch in which a test double (tests/native/standins/libtorch_cuda)
/// makes device type CUDA work. Nothing here is a statement about a GPU.
/// </summary>
[TestFixture]
public class StandinCudaTests
{
    [Test]
    public void The_observer_passes_its_tests_on_the_test_double()
    {
        DirectoryInfo libtorch = Directory.CreateTempSubdirectory("teraio-standin-");
        try
        {
            Link(new NativeLibrarySearch().FindLibTorch(null).Directory, libtorch.FullName);
            Link(StandinDirectory(), libtorch.FullName);

            ProcessResult tests = ChildProcess.Run(
                ChildProcess.Dotnet,
                ["vstest", typeof(StandinCudaTests).Assembly.Location, $"--TestCaseFilter:TestCategory={CudaObserverTests.Category}"],
                [("TERAIO_LIBTORCH", libtorch.FullName)]);

            Assert.That(tests.ExitCode, Is.Zero, tests.Output + tests.Errors);
            Assert.That(tests.Output, Does.Contain("Passed: ").And.Not.Contain("Skipped: "), tests.Errors);
        }
        finally
        {
            libtorch.Delete(recursive: true);
        }
    }

    // The later of two libraries of one name is the one that counts.
    private static void Link(string from, string to)
    {
        foreach (string library in Directory.EnumerateFiles(from, "*.so*"))
        {
            string link = Path.Combine(to, Path.GetFileName(library));
            File.Delete(link);
            File.CreateSymbolicLink(link, library);
        }
    }

    private static string StandinDirectory()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "TeraIO.sln"))) continue;
            string standin = Path.Combine(folder.FullName, "out", "native", "release", "standins", "libtorch_cuda");
            if (File.Exists(Path.Combine(standin, "libtorch_cuda.so"))) return standin;
            break;
        }

        Assert.Ignore("The test double is not built: ./build.sh test builds the native tests, and it with them.");
        return "";
    }
}
