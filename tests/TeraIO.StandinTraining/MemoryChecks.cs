using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace TeraIO.StandinTraining;

/// <summary>What the stand-in promises about memory, as <c>name value</c> lines.</summary>
internal static unsafe class MemoryChecks
{
    // TensorImpl's StorageImpl*, and of that the flags that close it (native/torch_observer/src/layout.cpp).
    private const int StorageOffset = 16;
    private const int MutableCheckOffset = 59;
    private const int ThrowMutableOffset = 60;
    private const int ThrowImmutableOffset = 61;

    public static void Print()
    {
        Device device = torch.device("cuda");
        // What libtorch keeps from its first use of a device would count as lost.
        Training.Run(device, 0.1, steps: 1);
        Counts before = Counts.Now();
        Training.Run(device, 0.1, steps: 3);
        Counts after = Counts.Now();
        Console.WriteLine($"lost {(long)after.LiveBytes - (long)before.LiveBytes}");
        Console.WriteLine($"blocks {(long)after.LiveBlocks - (long)before.LiveBlocks}");
        Console.WriteLine($"used {after.PeakBytes > before.LiveBytes + 100_000}");
        Console.WriteLine($"kernels {after.Kernels - before.Kernels > 300}");
        FreedBlock(device);
        ClosedStorage(device);
        Resize(device);
        OutOfMemory(device);
    }

    private static void FreedBlock(Device device)
    {
        Tensor first = ones(1000, device: device);
        byte* memory = HostView(DataOf(first));
        Console.WriteLine($"written {*(float*)memory}");
        first.Dispose();
        Console.WriteLine($"poisoned {float.IsNaN(((float*)memory)[999])}");
        using Tensor second = empty(1000, device: device);
        Console.WriteLine($"reused {HostView(DataOf(second)) == memory}");
    }

    private static void ClosedStorage(Device device)
    {
        using Tensor x = ones(2, 3, device: device);
        SetOpen(x, false);
        foreach ((string name, Func<Tensor> op) in new (string, Func<Tensor>)[]
            { ("read", () => x + 1), ("write", () => x.add_(1)), ("copy", x.cpu), ("view", () => x.view(6)), ("slice", () => x[1]) })
        {
            try
            {
                op().Dispose();
                Console.WriteLine($"closed {name} passed");
            }
            catch (ExternalException)
            {
                Console.WriteLine($"closed {name} refused");
            }
        }

        SetOpen(x, true);
        Console.WriteLine($"opened {(x + 1).sum().item<float>()}");
    }

    private static void Resize(Device device)
    {
        using Tensor x = ones(4, device: device);
        nint before = DataOf(x);
        Native.ResizeBytes(StorageOf(x), 4096);
        Console.WriteLine($"resized {DataOf(x) != before} {x.sum().item<float>()}");
    }

    private static void OutOfMemory(Device device)
    {
        Native.SetCapacity(Counts.Now().LiveBytes + 4096);
        try
        {
            empty(10_000, device: device).Dispose();
            Console.WriteLine("limit passed");
        }
        catch (ExternalException e) when (e.Message.Contains("out of memory", StringComparison.Ordinal))
        {
            Console.WriteLine("limit refused");
        }

        Native.SetCapacity(0);
    }

    private static void SetOpen(Tensor tensor, bool open)
    {
        var storage = (byte*)StorageOf(tensor);
        foreach (int offset in new[] { MutableCheckOffset, ThrowMutableOffset, ThrowImmutableOffset })
            storage[offset] = open ? (byte)0 : (byte)1;
    }

    private static nint StorageOf(Tensor tensor) => *(nint*)(*(byte**)tensor.Handle + StorageOffset);

    private static nint DataOf(Tensor tensor) => *(nint*)(StorageOf(tensor) + 16);

    private static byte* HostView(nint address) => (byte*)Native.HostView(address);

    /// <summary><c>tio_standin_torch_counts</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Counts
    {
        public ulong LiveBytes;
        public ulong PeakBytes;
        public ulong LiveBlocks;
        public ulong CachedBytes;
        public ulong HeldBytes;
        public ulong Allocations;
        public ulong StreamRecords;
        public ulong Kernels;

        public static Counts Now()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Counts counts;
            Native.GetCounts(&counts);
            return counts;
        }
    }

    private static class Native
    {
        private static readonly nint _library = NativeLibrary.Load("libtorch_cuda.so");

        public static void GetCounts(Counts* counts) => ((delegate* unmanaged<Counts*, void>)NativeLibrary.GetExport(_library, "tio_standin_torch_get_counts"))(counts);

        public static nint HostView(nint address) => ((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(_library, "tio_standin_torch_host_view"))(address);

        public static void ResizeBytes(nint storage, nuint bytes) =>
            ((delegate* unmanaged<nint, nuint, void>)NativeLibrary.GetExport(_library, "_ZN2at6native17resize_bytes_cudaEPN3c1011StorageImplEm"))(storage, bytes);

        public static void SetCapacity(ulong bytes) => ((delegate* unmanaged<ulong, void>)NativeLibrary.GetExport(_library, "tio_standin_torch_set_capacity"))(bytes);
    }
}
