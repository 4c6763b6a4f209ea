using TeraIO.TestSupport;
using TeraIO.Torch.Tests.Standins;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>
/// <see cref="CudaSessionTests"/> in a process of its own, on a CPU libtorch in which TEST DOUBLES of libtorch_cuda, libcuda and libcufile make device type CUDA work. Nothing here has to do with a GPU.
/// </summary>
[TestFixture]
public class StandinCudaSessionTests : StandinTorchFixture
{
    [Test]
    public void Sessions_pass_their_tests_over_the_test_doubles()
    {
        ProcessResult tests = ChildProcess.Run(
            ChildProcess.Dotnet, [typeof(StandinCudaSessionTests).Assembly.Location, CudaSessionTests.Category], Torch.EnvironmentWithDriver);

        Assert.That(tests.ExitCode, Is.Zero, tests.Output + tests.Errors);
        Assert.That(tests.Errors, Is.Empty, "libtorch's C ABI prints the errors that it catches");
        Assert.That(tests.Output, Does.Match("(?m)^[1-9][0-9]* passed, 0 failed, 0 skipped"));
    }
}
