using System.Reflection;
using TeraIO.Core.Storage;

namespace TeraIO.TestSupport;

/// <summary>Where the TEST DOUBLES of NVIDIA's libraries (tests/native/standins) lie, for processes that a test starts.</summary>
internal static class StandinLibraries
{
    /// <summary>Variables that make a process take the doubles for libcuda and libcufile; null where they are not built, with <paramref name="missing"/> to say so.</summary>
    public static (string Name, string Value)[]? Environment(out string missing)
    {
        string folder = Path.Combine(typeof(TensorStore).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(static a => a.Key == "TeraIO.NativeOutput").Value!, "standins");
        (string Name, string Value)[] all = [("TERAIO_CUDA_PATH", Path.Combine(folder, "libtio_standin_cuda.so")), ("TERAIO_CUFILE_PATH", Path.Combine(folder, "libtio_standin_cufile.so"))];
        missing = all.FirstOrDefault(static v => !File.Exists(v.Value)).Value is { } file ? $"the test double {file} is not built: cmake --preset release && cmake --build --preset release" : "";
        return missing.Length == 0 ? all : null;
    }
}
