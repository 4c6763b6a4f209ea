using System.Runtime.InteropServices;

namespace TeraIO.Hardware.Tests;

/// <summary>Memory of the first CUDA device in its primary context, through the driver library. The calling test is skipped where there is none.</summary>
internal sealed unsafe partial class CudaDevice : IDisposable
{
    private const string Library = "libcuda.so.1";

    private readonly int _device;
    private readonly List<ulong> _allocations = [];

    private CudaDevice(int device) => _device = device;

    public static CudaDevice Require()
    {
        if (!NativeLibrary.TryLoad(Library, out _)) Assert.Ignore($"There is no CUDA driver: {Library} does not load.");
        if (Init(0) is not 0 and var failed) Assert.Ignore($"CUDA does not start (cuInit: {failed}).");
        if (DeviceGet(out int device, 0) is not 0 and var none) Assert.Ignore($"There is no CUDA device (cuDeviceGet: {none}).");
        Check(PrimaryContextRetain(out nint context, device));
        Check(SetCurrent(context));
        return new CudaDevice(device);
    }

    /// <summary>Device memory, freed with this object.</summary>
    public nint Allocate(long bytes)
    {
        Check(MemoryAllocate(out ulong address, (nuint)bytes));
        _allocations.Add(address);
        return (nint)address;
    }

    public void Put(nint address, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* from = bytes) Check(HostToDevice((ulong)address, from, (nuint)bytes.Length));
        Check(Synchronize());
    }

    public byte[] Get(nint address, int bytes)
    {
        byte[] result = new byte[bytes];
        fixed (byte* to = result) Check(DeviceToHost(to, (ulong)address, (nuint)bytes));
        return result;
    }

    public void Dispose()
    {
        foreach (ulong address in _allocations) _ = MemoryFree(address);
        _ = PrimaryContextRelease(_device);
    }

    private static void Check(int result) => Assert.That(result, Is.Zero, "CUresult");

    [LibraryImport(Library, EntryPoint = "cuInit")]
    private static partial int Init(uint flags);

    [LibraryImport(Library, EntryPoint = "cuDeviceGet")]
    private static partial int DeviceGet(out int device, int ordinal);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRetain")]
    private static partial int PrimaryContextRetain(out nint context, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    private static partial int PrimaryContextRelease(int device);

    [LibraryImport(Library, EntryPoint = "cuCtxSetCurrent")]
    private static partial int SetCurrent(nint context);

    [LibraryImport(Library, EntryPoint = "cuCtxSynchronize")]
    private static partial int Synchronize();

    [LibraryImport(Library, EntryPoint = "cuMemAlloc_v2")]
    private static partial int MemoryAllocate(out ulong address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemFree_v2")]
    private static partial int MemoryFree(ulong address);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoD_v2")]
    private static partial int HostToDevice(ulong to, byte* from, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoH_v2")]
    private static partial int DeviceToHost(byte* to, ulong from, nuint bytes);
}
