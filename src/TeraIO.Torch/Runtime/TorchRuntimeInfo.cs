namespace TeraIO.Torch.Runtime;

/// <summary>Which of the places that <see cref="TorchRuntime"/> knows named the libtorch in use.</summary>
public enum LibTorchSource
{
    /// <summary><see cref="TorchRuntimeOptions.LibTorchDirectory"/>.</summary>
    Option,

    /// <summary>The environment variable <c>TERAIO_LIBTORCH</c>.</summary>
    EnvironmentVariable,

    /// <summary>The application's own directory or its <c>runtimes/linux-x64/native</c>.</summary>
    ApplicationDirectory,

    /// <summary>The NuGet package folder recorded when TeraIO.Torch was built.</summary>
    NuGetPackage,

    /// <summary>The process had loaded a libtorch before <see cref="TorchRuntime.Initialize"/> was called.</summary>
    AlreadyLoaded,
}

/// <summary>The native libraries behind TorchSharp in this process. Immutable.</summary>
public sealed record TorchRuntimeInfo
{
    /// <summary>Absolute directory that <c>libtorch_cpu.so</c> was loaded from.</summary>
    public required string LibTorchDirectory { get; init; }

    /// <summary>Version that the loaded libtorch states, such as <c>2.10.0</c>.</summary>
    public required string LibTorchVersion { get; init; }

    /// <summary>The version that it is taken for, by the environment variable <c>TERAIO_ASSUME_LIBTORCH</c>; null: for what it states.</summary>
    public string? AssumedLibTorchVersion { get; init; }

    /// <summary>Who named <see cref="LibTorchDirectory"/>.</summary>
    public required LibTorchSource Source { get; init; }

    /// <summary>The <c>libLibTorchSharp.so</c> of TorchSharp's package.</summary>
    public required string LibTorchSharpPath { get; init; }

    /// <summary>
    /// Whether the running libstdc++ is too old for TorchSharp's library as shipped, so that a copy that asks for
    /// less was loaded instead.
    /// </summary>
    public required bool IsRelaxed { get; init; }

    /// <summary>
    /// The relaxed copy, or <see langword="null"/> when none was needed or when it was a temporary file that is
    /// deleted by now.
    /// </summary>
    public string? RelaxedCopyPath { get; init; }

    /// <summary>The libstdc++ that this process runs on.</summary>
    public required string LibStdCxxPath { get; init; }
}
