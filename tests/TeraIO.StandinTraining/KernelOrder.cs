using System.Diagnostics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TeraIO.StandinTraining;

/// <summary>Over the stand-in for libcuda: a kernel runs behind what is in the default stream, not when it is launched.</summary>
internal static unsafe class KernelOrder
{
    private static readonly nint _cuda = NativeLibrary.Load(Environment.GetEnvironmentVariable("TERAIO_CUDA_PATH")!);
    private static readonly nint _torch = NativeLibrary.Load("libtorch_cuda.so");
    private static float* _bytes;
    private static ulong _launches;

    public static void Print()
    {
        using Tensor x = ones(4, device: device("cuda"));
        // StorageImpl, and in it the address of the bytes.
        nint data = *(nint*)(*(nint*)(*(byte**)x.Handle + 16) + 16);
        _bytes = (float*)((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(_torch, "tio_standin_torch_host_view"))(data);
        Console.WriteLine($"faults {data != (nint)_bytes}");
        _launches = Launches();
        int result = ((delegate* unmanaged<nint, delegate* unmanaged<nint, void>, nint, int>)NativeLibrary.GetExport(_cuda, "tio_standin_cuda_launch"))(0, &WriteLate, 0);
        using Tensor y = x + 1;
        Console.WriteLine($"launched {result} sum {y.sum().item<float>()}");
        nint length = ((delegate* unmanaged<byte*, nuint, nint>)NativeLibrary.GetExport(_cuda, "tio_standin_cuda_misuse"))(null, 0);
        Console.WriteLine($"misuse {length}");
    }

    // The stream stands here until the addition has been launched behind it; only then there are the bytes that it is to read.
    [UnmanagedCallersOnly]
    private static void WriteLate(nint argument)
    {
        var watch = Stopwatch.StartNew();
        while (Launches() < _launches + 2 && watch.Elapsed < TimeSpan.FromSeconds(30))
            Thread.Yield();
        for (int i = 0; i < 4; i++)
            _bytes[i] = 5;
    }

    private static ulong Launches()
    {
        fixed (byte* name = "launch"u8)
            return ((delegate* unmanaged<byte*, ulong>)NativeLibrary.GetExport(_cuda, "tio_standin_cuda_calls"))(name);
    }
}
