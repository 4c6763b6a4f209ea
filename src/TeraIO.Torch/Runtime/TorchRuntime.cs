using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using TeraIO.Core;
using TorchSharp;

namespace TeraIO.Torch.Runtime;

/// <summary>
/// Loads libtorch and TorchSharp's native library so that TorchSharp works without environment variables and without
/// 460 MB in every bin folder, also where the system's libstdc++ is older than TorchSharp's build machine
/// (Debian 12, Ubuntu 22.04).
/// </summary>
public static class TorchRuntime
{
    /// <summary>The libtorch version that TorchSharp 0.107 was built for; minor versions change the ABI.</summary>
    internal const string SupportedVersion = "2.10";

    // std::ios_base_library_init marks libstdc++ of GCC 13.2; asking for the symbol instead of for a distribution's
    // name also answers rightly for a conda or self-built libstdc++.
    private const string NewestVersionNeeded = "GLIBCXX_3.4.32";
    private const string SymbolOfThatVersion = "_ZSt21ios_base_library_initv";

    private static readonly Lock _gate = new();
    private static TorchRuntimeInfo? _info;

    /// <summary>
    /// Loads the native libraries; call it before the first use of TorchSharp. Later calls return the first answer.
    /// Thread-safe.
    /// </summary>
    /// <param name="options">Where to look; <see langword="null"/> for the defaults.</param>
    /// <returns>What was loaded and from where.</returns>
    /// <exception cref="ConfigurationException">
    /// libtorch is missing, of an unsupported version or does not load; or a previous call loaded another one.
    /// </exception>
    public static TorchRuntimeInfo Initialize(TorchRuntimeOptions? options = null)
    {
        lock (_gate)
        {
            if (_info is null)
                return _info = Load(options?.LibTorchDirectory, new NativeLibrarySearch());
            if (options?.LibTorchDirectory is { } wanted)
                RefuseAnother(wanted, _info.LibTorchDirectory);
            return _info;
        }
    }

    private static TorchRuntimeInfo Load(string? optionDirectory, NativeLibrarySearch search)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw new ConfigurationException(
                $"TeraIO.Torch runs on linux-x64; this process is {RuntimeInformation.RuntimeIdentifier}.");
        }
        var (libtorch, directory, source) = LoadLibTorch(optionDirectory, search);
        var version = CheckVersion(VersionOf(libtorch, directory), search.AssumedVersion, directory);
        var libTorchSharp = search.FindLibTorchSharp();
        var libStdCxx = NativeLibrary.Load("libstdc++.so.6");
        var tooOld = !DynamicLinker.HasVersionedSymbol(libStdCxx, SymbolOfThatVersion, NewestVersionNeeded);
        var relaxedPath = LoadLibTorchSharp(libTorchSharp, tooOld);
        // TorchSharp's own loader asks for "LibTorchSharp" by name and is answered with the library loaded above; were
        // it to fail, it would start to copy packages into the bin folder, so find out here.
        torch.InitializeDeviceType(DeviceType.CPU);
        return new TorchRuntimeInfo
        {
            LibTorchDirectory = directory,
            LibTorchVersion = version,
            AssumedLibTorchVersion = search.AssumedVersion,
            Source = source,
            LibTorchSharpPath = libTorchSharp,
            IsRelaxed = tooOld,
            RelaxedCopyPath = relaxedPath,
            LibStdCxxPath = DynamicLinker.FileOf(NativeLibrary.GetExport(libStdCxx, "_ZSt9terminatev")),
        };
    }

    private static (nint LibTorchCpu, string Directory, LibTorchSource Source) LoadLibTorch(string? optionDirectory, NativeLibrarySearch search)
    {
        var loaded = DynamicLinker.FindLoaded(NativeLibrarySearch.LibTorchCpu);
        if (loaded != 0)
        {
            var origin = Path.GetDirectoryName(DynamicLinker.FileOf(VersionFunction(loaded, "the loaded libtorch")))!;
            if (optionDirectory is not null)
                RefuseAnother(optionDirectory, origin);
            return (loaded, origin, LibTorchSource.AlreadyLoaded);
        }
        var (directory, source) = search.FindLibTorch(optionDirectory);
        DynamicLinker.LoadGlobal(Path.Combine(directory, "libc10.so"));
        var libtorch = DynamicLinker.LoadGlobal(Path.Combine(directory, NativeLibrarySearch.LibTorchCpu));
        // libtorch.so pulls in libtorch_cuda.so where the build has it.
        DynamicLinker.LoadGlobal(Path.Combine(directory, "libtorch.so"));
        return (libtorch, directory, source);
    }

    /// <returns>The version that the libtorch states.</returns>
    /// <exception cref="ConfigurationException">It is not the supported one, nor taken for it.</exception>
    internal static string CheckVersion(string version, string? assumed, string directory) =>
        (assumed ?? version).StartsWith(SupportedVersion + ".", StringComparison.Ordinal)
            ? version
            : throw Unsupported(directory, assumed is null ? $"version {version}" : $"version {version}, taken for {assumed} by {NativeLibrarySearch.AssumeVariable}");

    private static unsafe string VersionOf(nint libtorch, string directory)
    {
        // Bytes from the top: major, minor, patch.
        var packed = ((delegate* unmanaged[Cdecl]<ulong>)VersionFunction(libtorch, directory))();
        return $"{packed >> 56}.{packed >> 48 & 0xff}.{packed >> 40 & 0xff}";
    }

    private static nint VersionFunction(nint libtorch, string directory) =>
        NativeLibrary.TryGetExport(libtorch, "aoti_torch_abi_version", out var function)
            ? function
            : throw Unsupported(directory, "a version that does not state itself (older than 2.4)");

    private static ConfigurationException Unsupported(string directory, string what) => new(
        $"The libtorch in {directory} is {what}, but this TorchSharp is built for {SupportedVersion}. Set "
        + $"{NativeLibrarySearch.EnvironmentVariable} to a libtorch or PyTorch {SupportedVersion}, or unset it to use the NuGet package. "
        + $"{NativeLibrarySearch.AssumeVariable}={SupportedVersion}.0 tries it all the same, at your own risk.");

    /// <returns>Path of the relaxed copy that was loaded and still exists.</returns>
    [SupportedOSPlatform("linux")]
    private static string? LoadLibTorchSharp(string path, bool libStdCxxTooOld)
    {
        if (DynamicLinker.FindLoaded(NativeLibrarySearch.LibTorchSharp) != 0)
            return null;
        if (!libStdCxxTooOld)
        {
            DynamicLinker.LoadGlobal(path);
            return null;
        }
        var copy = RelaxedLibrary.Prepare(path, NewestVersionNeeded, RelaxedLibrary.DefaultCacheDirectory());
        try
        {
            // Its soname is what the linker compares when TorchSharp asks for the library by name.
            DynamicLinker.LoadGlobal(copy.Path);
        }
        finally
        {
            copy.DeleteIfTemporary();
        }
        return copy.IsTemporary ? null : copy.Path;
    }

    private static void RefuseAnother(string wanted, string loaded)
    {
        var lib = Path.Combine(wanted, "lib");
        if (Path.GetFullPath(wanted).TrimEnd('/') != loaded && Path.GetFullPath(lib) != loaded)
        {
            throw new ConfigurationException(
                $"libtorch is loaded from {loaded} already, so '{wanted}' cannot be used in this process. Call "
                + $"{nameof(TorchRuntime)}.{nameof(Initialize)} once, with this directory, before any use of TorchSharp.");
        }
    }
}
