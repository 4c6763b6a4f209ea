using TeraIO.TestSupport;
using TeraIO.Torch.Tests.Standins;

namespace TeraIO.Torch.Tests.Observation;

/// <summary>
/// <see cref="CudaObserverTests"/> in a process of its own, on a CPU libtorch in which a TEST DOUBLE makes device type CUDA work. Nothing here has to
/// do with a GPU.
/// </summary>
[TestFixture]
public class StandinCudaTests : StandinTorchFixture
{
    [Test]
    public void The_observer_passes_its_tests_over_the_test_double([Values] bool withDriver)
    {
        ProcessResult tests = ChildProcess.Run(
            ChildProcess.Dotnet,
            [typeof(StandinCudaTests).Assembly.Location, CudaObserverTests.Category],
            withDriver ? Torch.EnvironmentWithDriver : Torch.Environment);

        Assert.That(tests.ExitCode, Is.Zero, tests.Output + tests.Errors);
        Assert.That(tests.Errors, Is.Empty, "libtorch's C ABI prints the errors that it catches");
        Assert.That(tests.Output, Does.Match("^[1-9][0-9]* passed, 0 failed, 0 skipped"));
    }
}
