using System.Reflection;
using TeraIO.Core;

namespace TeraIO.Torch.Runtime;

/// <summary>Finds libtorch and TorchSharp's native library on disk; loads nothing.</summary>
internal sealed class NativeLibrarySearch
{
    /// <summary>The environment variable that names a libtorch.</summary>
    public const string EnvironmentVariable = "TERAIO_LIBTORCH";

    /// <summary>
    /// The environment variable that has a libtorch of another version taken for this one, such as <c>2.10.0</c>. For trying a machine's own PyTorch: the observer still proves all it relies on when a session begins, and
    /// refuses what differs, but TorchSharp itself does not and may fail in any way.
    /// </summary>
    public const string AssumeVariable = "TERAIO_ASSUME_LIBTORCH";

    /// <summary>The library whose presence makes a directory a libtorch.</summary>
    public const string LibTorchCpu = "libtorch_cpu.so";

    /// <summary>TorchSharp's own native library.</summary>
    public const string LibTorchSharp = "libLibTorchSharp.so";

    private static readonly string _nativeSubdirectory = Path.Combine("runtimes", "linux-x64", "native");

    /// <summary>Value of <see cref="EnvironmentVariable"/>; null or empty: not set.</summary>
    public string? EnvironmentValue { get; init; } = Environment.GetEnvironmentVariable(EnvironmentVariable);

    /// <summary>Value of <see cref="AssumeVariable"/>; null: not set.</summary>
    public string? AssumedVersion { get; init; } = Environment.GetEnvironmentVariable(AssumeVariable) is { Length: > 0 } version ? version : null;

    /// <summary>The application's directory.</summary>
    public string ApplicationDirectory { get; init; } = AppContext.BaseDirectory;

    /// <summary>libtorch's native directory in the NuGet cache of the machine that built this assembly.</summary>
    public string? RecordedLibTorchDirectory { get; init; } = Recorded("TeraIO.LibTorchDirectory");

    /// <summary>TorchSharp's native directory in the NuGet cache of the machine that built this assembly.</summary>
    public string? RecordedLibTorchSharpDirectory { get; init; } = Recorded("TeraIO.LibTorchSharpDirectory");

    /// <summary>Directories that the .NET host probes for native libraries, separated by colons.</summary>
    public string? HostProbingDirectories { get; init; } = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string;

    /// <summary>The directory with libtorch_cpu.so and who named it.</summary>
    /// <exception cref="ConfigurationException">A named directory holds no libtorch, or none is found at all.</exception>
    public (string Directory, LibTorchSource Source) FindLibTorch(string? optionDirectory)
    {
        if (!string.IsNullOrEmpty(optionDirectory))
            return (Named(optionDirectory, $"{nameof(TorchRuntimeOptions)}.{nameof(TorchRuntimeOptions.LibTorchDirectory)}"), LibTorchSource.Option);
        if (!string.IsNullOrEmpty(EnvironmentValue))
            return (Named(EnvironmentValue, $"the environment variable {EnvironmentVariable}"), LibTorchSource.EnvironmentVariable);
        foreach (var directory in ApplicationDirectories())
        {
            if (File.Exists(Path.Combine(directory, LibTorchCpu)))
                return (directory, LibTorchSource.ApplicationDirectory);
        }
        if (RecordedLibTorchDirectory is { Length: > 0 } recorded && File.Exists(Path.Combine(recorded, LibTorchCpu)))
            return (Absolute(recorded), LibTorchSource.NuGetPackage);
        throw new ConfigurationException(
            $"No libtorch found: {LibTorchCpu} is neither in {string.Join(", ", ApplicationDirectories())} nor in the NuGet "
            + $"folder known at build time ({RecordedLibTorchDirectory ?? "none recorded"}). Set {EnvironmentVariable} to a directory "
            + "that holds it (such as torch/lib of a PyTorch installed by pip), restore the package libtorch-cpu-linux-x64, or publish "
            + "with -p:TeraIOCopyLibTorch=true.");
    }

    /// <summary>
    /// The file that .NET's own probing would choose for TorchSharp, so that the process never maps two of them; the
    /// NuGet folder comes last.
    /// </summary>
    /// <exception cref="ConfigurationException">It is nowhere.</exception>
    public string FindLibTorchSharp()
    {
        var probed = HostProbingDirectories?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];
        string?[] candidates = [.. probed, .. ApplicationDirectories(), RecordedLibTorchSharpDirectory];
        var directories = candidates.Where(d => !string.IsNullOrEmpty(d)).Select(d => Path.GetFullPath(d!)).Distinct().ToArray();
        return directories.Select(d => Path.Combine(d, LibTorchSharp)).FirstOrDefault(File.Exists)
            ?? throw new ConfigurationException(
                $"TorchSharp's native library {LibTorchSharp} is in none of {string.Join(", ", directories)}. Build for linux-x64 with the "
                + "package TorchSharp referenced, or publish with -r linux-x64.");
    }

    private string[] ApplicationDirectories() =>
        [Absolute(ApplicationDirectory), Path.GetFullPath(Path.Combine(ApplicationDirectory, _nativeSubdirectory))];

    private static string Named(string directory, string namedBy)
    {
        foreach (var candidate in new[] { directory, Path.Combine(directory, "lib") })
        {
            if (File.Exists(Path.Combine(candidate, LibTorchCpu)))
                return Absolute(candidate);
        }
        throw new ConfigurationException(
            $"{namedBy} names '{directory}', but {LibTorchCpu} is neither there nor in its subdirectory 'lib'. Name the directory that holds "
            + "it (such as torch/lib of a PyTorch installed by pip), or leave it unset to use the NuGet package.");
    }

    private static string Absolute(string directory) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));

    private static string? Recorded(string key) =>
        typeof(NativeLibrarySearch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(a => a.Key == key)?.Value;
}
