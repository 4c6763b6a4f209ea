namespace TeraIO.TestSupport;

/// <summary>
/// A libtorch with CUDA that is none: the CPU libtorch of NuGet with a TEST DOUBLE of libtorch_cuda beside it (tests/native/standins/libtorch_cuda). A child
/// process with <see cref="Environment"/> loads it in place of its own; nothing that it measures says anything about a GPU.
/// </summary>
internal sealed class StandinTorch : IDisposable
{
    private StandinTorch(string directory) => Directory = directory;

    /// <summary>Holds links to both; a program finds it by <c>TERAIO_LIBTORCH</c>.</summary>
    public string Directory { get; }

    /// <summary>What the child process needs: CUDA tensors in plain host memory, kernels that run when they are launched.</summary>
    public (string Name, string Value)[] Environment => [("TERAIO_LIBTORCH", Directory), ("TERAIO_CUDA_PATH", "")];

    /// <summary>
    /// The same over the doubles of libcuda and libcufile, which the process's transfers use then, too: device memory faults when the CPU touches it, and a
    /// kernel runs when its turn in the default stream comes.
    /// </summary>
    public (string Name, string Value)[] EnvironmentWithDriver => [("TERAIO_LIBTORCH", Directory), .. StandinLibraries.Environment];

    /// <summary>Why a test that needs it is to be ignored; null: all of it is built.</summary>
    public static string? WhyMissing => StandinLibraries.WhyMissing(Needed);

    private static string[] Needed =>
    [
        StandinLibraries.PathOf("libtorch_cuda/libtorch_cuda.so"), StandinLibraries.PathOf("libtorch_cuda/libtorch.so"), .. StandinLibraries.Environment.Select(static v => v.Value),
    ];

    /// <summary>Puts the links into a fresh directory.</summary>
    /// <param name="libtorch">The directory of a CPU libtorch 2.10, such as <c>TorchRuntimeInfo.LibTorchDirectory</c>.</param>
    public static StandinTorch Create(string libtorch)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("teraio-standin-torch-").FullName;
        // libtorch.so of the CPU needs no libtorch_cuda.so; the double's does, as that of a build with CUDA.
        string[] files = [.. System.IO.Directory.GetFiles(libtorch, "lib*.so*").Where(static f => Path.GetFileName(f) is not "libtorch.so"), Needed[0], Needed[1]];
        foreach (var file in files)
            File.CreateSymbolicLink(Path.Combine(directory, Path.GetFileName(file)), file);
        return new StandinTorch(directory);
    }

    /// <summary>Removes the links. Not before the child process has ended.</summary>
    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
