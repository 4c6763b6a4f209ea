using TeraIO.TestSupport;

namespace TeraIO.Torch.Tests.Standins;

/// <summary>
/// The TEST DOUBLE of libtorch_cuda (tests/native/standins/libtorch_cuda) does what tests of CUDA tensors rely upon. Nothing here has to do with a GPU.
/// </summary>
[NonParallelizable]
internal sealed class StandinTorchTests : StandinTorchFixture
{
    private static readonly string _program = Path.Combine(AppContext.BaseDirectory, "TeraIO.StandinTraining.dll");

    [Test]
    public void A_training_gives_the_same_bits_on_cuda_as_on_the_cpu([Values("0", "0.1")] string dropout, [Values] bool withDriver)
    {
        string onCpu = Output([], "train", "cpu", dropout);
        string onCuda = Output(Environment(withDriver), "train", "cuda", dropout);

        Assert.That(onCpu.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(18), "6 losses and 12 parameters");
        Assert.That(onCuda, Is.EqualTo(onCpu));
    }

    [Test]
    public void Ops_of_all_kinds_give_the_same_bits_on_cuda_as_on_the_cpu([Values] bool withDriver)
    {
        string onCpu = Output([], "ops", "cpu");
        string onCuda = Output(Environment(withDriver), "ops", "cuda");

        Assert.That(onCpu.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.GreaterThan(45));
        Assert.That(onCuda, Is.EqualTo(onCpu));
    }

    [Test]
    public void Memory_is_counted_poisoned_reused_and_closed([Values] bool withDriver)
    {
        string[] expected =
        [
            "lost 0", "blocks 0", "used True", "kernels True",
            "written 1", "poisoned True", "reused True",
            "closed read refused", "closed write refused", "closed copy refused", "closed view passed", "closed slice passed", "opened 12",
            "resized True 4",
            "limit refused",
        ];

        string[] said = Output(Environment(withDriver), "memory").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.That(said, Is.EqualTo(expected));
    }

    [Test]
    public void A_kernel_runs_behind_what_is_in_its_stream()
    {
        string said = Output(Environment(withDriver: true), "order");

        Assert.That(said, Is.EqualTo("faults True\nlaunched 0 sum 24\nmisuse 0\n"));
    }

    [Test]
    public void A_driver_that_is_no_stand_in_is_refused()
    {
        // Any library will do.
        (string, string)[] environment = [("TERAIO_LIBTORCH", Torch.Directory), ("TERAIO_CUDA_PATH", Path.Combine(Torch.Directory, "libc10.so"))];

        ProcessResult result = ChildProcess.Run(ChildProcess.Dotnet, [_program, "train", "cuda", "0"], environment);

        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Errors, Does.Contain("is no stand-in"));
    }

    private (string Name, string Value)[] Environment(bool withDriver) => withDriver ? Torch.EnvironmentWithDriver : Torch.Environment;

    private static string Output((string Name, string Value)[] environment, params ReadOnlySpan<string> arguments)
    {
        ProcessResult result = ChildProcess.Run(ChildProcess.Dotnet, [_program, .. arguments], environment);
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        return result.Output;
    }
}
