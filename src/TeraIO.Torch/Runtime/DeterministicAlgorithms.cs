using System.Runtime.InteropServices;
using TeraIO.Core;

namespace TeraIO.Torch.Runtime;

/// <summary>
/// libtorch's switch for kernels that give the same bits at every run, which TorchSharp 0.107 does not offer. On a GPU two runs can only be compared bit by bit with it; kernels of the CPU are
/// deterministic as they are. cuBLAS needs <c>CUBLAS_WORKSPACE_CONFIG=:4096:8</c> in the environment besides.
/// </summary>
public static unsafe class DeterministicAlgorithms
{
    /// <summary>
    /// Whether ops use deterministic kernels; for an op that has none libtorch prints a warning and goes on. Default <see langword="false"/>. For the whole process. Thread-safe.
    /// </summary>
    /// <exception cref="ConfigurationException">libtorch cannot be loaded or lacks the switch.</exception>
    public static bool Enabled
    {
        get
        {
            TorchRuntime.Initialize();
            return ((delegate* unmanaged[Cdecl]<nint, byte>)Export("_ZNK2at7Context23deterministicAlgorithmsEv"))(Context()) != 0;
        }

        set
        {
            TorchRuntime.Initialize();
            nint context = Context();
            byte on = value ? (byte)1 : (byte)0;
            ((delegate* unmanaged[Cdecl]<nint, byte, byte, void>)Export("_ZN2at7Context26setDeterministicAlgorithmsEbb"))(context, on, on);
            ((delegate* unmanaged[Cdecl]<nint, byte, void>)Export("_ZN2at7Context21setDeterministicCuDNNEb"))(context, on);
            // Uninitialised memory is none of an op's results; filling it, libtorch's default, costs a pass over every new tensor.
            ((delegate* unmanaged[Cdecl]<nint, byte, void>)Export("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb"))(context, value ? (byte)0 : (byte)1);
        }
    }

    private static nint Context() => ((delegate* unmanaged[Cdecl]<nint>)Export("_ZN2at13globalContextEv"))();

    private static nint Export(string name) => NativeLibrary.TryGetExport(DynamicLinker.FindLoaded(NativeLibrarySearch.LibTorchCpu), name, out nint address)
        ? address
        : throw new ConfigurationException($"The libtorch that is loaded has no switch for deterministic algorithms: {name} is missing. Use libtorch {TorchRuntime.SupportedVersion}.");
}
