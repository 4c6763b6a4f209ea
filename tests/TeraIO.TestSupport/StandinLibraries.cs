using System.Reflection;
using TeraIO.Core.Storage;

namespace TeraIO.TestSupport;

/// <summary>Where the TEST DOUBLES of NVIDIA's and libtorch's CUDA libraries (tests/native/standins) lie.</summary>
internal static class StandinLibraries
{
    private static readonly string _folder = Path.Combine(
        typeof(TensorStore).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(static a => a.Key == "TeraIO.NativeOutput").Value!, "standins");

    /// <summary>Variables that make a process take the doubles for libcuda and libcufile.</summary>
    public static IReadOnlyList<(string Name, string Value)> Environment { get; } =
        [("TERAIO_CUDA_PATH", PathOf("libtio_standin_cuda.so")), ("TERAIO_CUFILE_PATH", PathOf("libtio_standin_cufile.so"))];

    /// <param name="name">Relative to where the build puts them.</param>
    public static string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Why a test that needs these doubles is to be ignored; null: they are built.</summary>
    public static string? WhyMissing(IEnumerable<string> files) =>
        files.FirstOrDefault(static file => !File.Exists(file)) is { } missing ? $"the test double {missing} is not built: bash build/native.sh release all" : null;
}
