using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;

namespace TeraIO.Core.Interop;

/// <summary>
/// Finds TeraIO's native libraries. In order: the directory named by <c>TERAIO_NATIVE_DIR</c>, the app's directory, its
/// <c>runtimes/&lt;rid&gt;/native</c>, and the build output of the checkout this assembly was built in. Thread-safe.
/// </summary>
internal static class NativeLibraryLocator
{
    /// <summary>The environment variable with the directory to look in first.</summary>
    public const string DirectoryVariable = "TERAIO_NATIVE_DIR";

    private static readonly ConcurrentDictionary<string, nint> _loaded = new(StringComparer.Ordinal);

    /// <summary>Loads <c>lib&lt;name&gt;.so</c>, such as <c>tio_gds_shim</c> or <c>tio_torch_observer</c>; a library is loaded once.</summary>
    /// <exception cref="ConfigurationException">It is nowhere or does not load; the message tells where it was looked for and how to build it.</exception>
    public static nint Resolve(string name) => _loaded.GetOrAdd(name, static name => Load(name, Directories()));

    internal static nint Load(string name, IEnumerable<string> directories)
    {
        var fileName = $"lib{name}.so";
        var tried = new List<string>();
        foreach (var directory in directories)
        {
            var path = Path.Combine(directory, fileName);
            tried.Add(path);
            if (!File.Exists(path))
                continue;
            try
            {
                return NativeLibrary.Load(path);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                // Going on to the next place would run another build than the one that was put here.
                throw new ConfigurationException($"The native library {path} does not load: {e.Message} {Remedy}", e) { Path = path };
            }
        }
        throw new ConfigurationException($"The native library {fileName} is missing; looked for {string.Join(", ", tried)}. {Remedy}");
    }

    private static string Remedy =>
        $"Build it with 'cmake --preset release && cmake --build --preset release' in the repository, or name its directory in {DirectoryVariable}.";

    private static IEnumerable<string> Directories()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } named)
            yield return named;
        yield return AppContext.BaseDirectory;
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        var built = typeof(NativeLibraryLocator).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(static attribute => attribute.Key == "TeraIO.NativeOutput")?.Value;
        if (built is { Length: > 0 })
            yield return built;
    }
}
