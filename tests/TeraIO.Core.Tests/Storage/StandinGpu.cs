using System.Runtime.InteropServices;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

/// <summary>
/// TEST DOUBLES of libcuda and libcufile (tests/native/standins), where TeraIO finds them instead of the real ones. Device addresses fault
/// when the CPU touches them.
/// </summary>
internal sealed unsafe partial class StandinGpu : IDisposable
{
    private const int PciP2pDmaFlag = 1;

    private readonly string _cufilePath;
    private readonly nint _cuda;
    private readonly nint _cufile;
    private readonly nint _context;
    private readonly List<nint> _allocations = [];

    private StandinGpu(string cuda, string cufile, string cufileMachine)
    {
        _cufilePath = cufile;
        // The process's own environment: .NET keeps a copy that native code does not see.
        SetEnv("TERAIO_CUDA_PATH", cuda, overwrite: 1);
        SetEnv("TERAIO_CUFILE_PATH", cufile, overwrite: 1);
        _cuda = NativeLibrary.Load(cuda);
        _cufile = NativeLibrary.Load(cufileMachine);
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(_cuda, "tio_standin_cuda_reset"))();
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(_cufile, "tio_standin_cufile_reset"))();
        nint context;
        Assert.That(((delegate* unmanaged<uint, int>)Cuda("cuInit"))(0), Is.Zero);
        Assert.That(((delegate* unmanaged<nint*, int, int>)Cuda("cuDevicePrimaryCtxRetain"))(&context, 0), Is.Zero);
        _context = context;
    }

    /// <summary>What cuFile's double saw done wrong; empty: nothing.</summary>
    public string Misuse => MisuseOf(CuFile("tio_standin_cufile_misuse"));

    /// <summary>What libcuda's double saw done wrong; empty: nothing.</summary>
    public string CudaMisuse => MisuseOf(Cuda("tio_standin_cuda_misuse"));

    /// <summary>Puts a "kernel" into the legacy default stream; it may block, and the stream with it.</summary>
    public void Launch(Action kernel)
    {
        nint argument = GCHandle.ToIntPtr(GCHandle.Alloc(kernel));
        int result = ((delegate* unmanaged<nint, delegate* unmanaged<nint, void>, nint, int>)Cuda("tio_standin_cuda_launch"))(0, &RunKernel, argument);
        Assert.That(result, Is.Zero);
    }

    [UnmanagedCallersOnly]
    private static void RunKernel(nint argument)
    {
        var handle = GCHandle.FromIntPtr(argument);
        ((Action)handle.Target!)();
        handle.Free();
    }

    /// <summary>The device's clock stands still at this time; kernels may set it too.</summary>
    public void SetClock(TimeSpan time) => ((delegate* unmanaged<double, void>)Cuda("tio_standin_cuda_set_clock"))(time.TotalSeconds);

    /// <summary>Calls of a function of libcuda so far.</summary>
    public ulong CudaCalls(string function)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        ulong calls = ((delegate* unmanaged<nint, ulong>)Cuda("tio_standin_cuda_calls"))(name);
        Marshal.FreeCoTaskMem(name);
        return calls;
    }

    public void FailNextCudaCall(string function, int code)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        ((delegate* unmanaged<nint, ulong, int, void>)Cuda("tio_standin_cuda_fail_call"))(name, 1, code);
        Marshal.FreeCoTaskMem(name);
    }

    /// <summary>The nth kernel of a module that runs from now on, such as the checksum kernel, computes something wrong.</summary>
    public void SpoilKernel(ulong nth = 1) => ((delegate* unmanaged<ulong, void>)Cuda("tio_standin_cuda_spoil_kernel"))(nth);

    /// <summary>Ignores the test where the doubles are not built.</summary>
    public static StandinGpu Start()
    {
        string[] files = [.. new[] { "cuda", "cufile", "cufile_machine" }.Select(static name => StandinLibraries.PathOf($"libtio_standin_{name}.so"))];
        if (StandinLibraries.WhyMissing(files) is { } why)
            Assert.Ignore(why);
        return new StandinGpu(files[0], files[1], files[2]);
    }

    public nint Allocate(int bytes)
    {
        nint pointer;
        MakeCurrent(_context);
        Assert.That(((delegate* unmanaged<nint*, nuint, int>)Cuda("cuMemAlloc_v2"))(&pointer, (nuint)bytes), Is.Zero);
        MakeCurrent(0);
        _allocations.Add(pointer);
        return pointer;
    }

    /// <summary>The memory behind a device address, for the test's eyes.</summary>
    public Span<byte> View(nint device, int bytes) => new(((delegate* unmanaged<nint, void*>)Cuda("tio_standin_cuda_host_view"))(device), bytes);

    public void FailNextTransfer(int code) =>
        ((delegate* unmanaged<ulong, long, int, void>)CuFile("tio_standin_cufile_order_transfer"))(1, -code, 0);

    public void FailNextCall(string function, int code)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        ((delegate* unmanaged<nint, ulong, int, int, void>)CuFile("tio_standin_cufile_fail_call"))(name, 1, code, 0);
        Marshal.FreeCoTaskMem(name);
    }

    /// <summary>The kernel's own peer-to-peer support serves NVMe disks, and there is no nvidia-fs.</summary>
    public void OfferPciP2pDma() => ((delegate* unmanaged<uint, uint, uint, int, void>)CuFile("tio_standin_cufile_set_nvfs"))(0, 0, 0, PciP2pDmaFlag);

    /// <summary>In which of cuFile's counters transfers count from now on: 0 P2PDMA, 1 nvidia-fs, 2 through the host's memory.</summary>
    public void CountTransfersAs(int route) => ((delegate* unmanaged<int, void>)CuFile("tio_standin_cufile_set_route"))(route);

    /// <summary>What cuFile was told before its driver opened; -1: nothing.</summary>
    public long CuFileSwitch(int parameter) => ((delegate* unmanaged<byte, int, long>)CuFile("tio_standin_cufile_parameter"))((byte)'b', parameter);

    /// <inheritdoc cref="CuFileSwitch"/>
    public long CuFileSize(int parameter) => ((delegate* unmanaged<byte, int, long>)CuFile("tio_standin_cufile_parameter"))((byte)'s', parameter);

    public string CuFileLogDirectory => Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)CuFile("tio_standin_cufile_log_directory"))())!;

    public ulong CuFileCalls(string function)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        ulong calls = ((delegate* unmanaged<nint, ulong>)CuFile("tio_standin_cufile_calls"))(name);
        Marshal.FreeCoTaskMem(name);
        return calls;
    }

    /// <summary>From now on libcufile is another: <c>_old</c> is one before 1.14; a file that is not there is none at all.</summary>
    public void TakeLibcufile(string variant) => SetEnv("TERAIO_CUFILE_PATH", _cufilePath.Replace(".so", $"{variant}.so", StringComparison.Ordinal), overwrite: 1);

    /// <summary>No nvidia-fs, and nothing that it or P2PDMA would support.</summary>
    public void TakeDirectRoutesAway() => ((delegate* unmanaged<uint, uint, uint, int, void>)CuFile("tio_standin_cufile_set_nvfs"))(0, 0, 0, 0);

    public void Dispose()
    {
        MakeCurrent(_context);
        foreach (nint pointer in _allocations)
            ((delegate* unmanaged<nint, int>)Cuda("cuMemFree_v2"))(pointer);
        MakeCurrent(0);
        ((delegate* unmanaged<int, int>)Cuda("cuDevicePrimaryCtxRelease_v2"))(0);
        SetEnv("TERAIO_CUDA_PATH", "", overwrite: 1);
        SetEnv("TERAIO_CUFILE_PATH", "", overwrite: 1);
    }

    private static string MisuseOf(nint function)
    {
        byte* text = stackalloc byte[4096];
        ((delegate* unmanaged<byte*, nuint, nuint>)function)(text, 4096);
        return Marshal.PtrToStringUTF8((nint)text)!;
    }

    private void MakeCurrent(nint context) => ((delegate* unmanaged<nint, int>)Cuda("cuCtxSetCurrent"))(context);

    private nint Cuda(string name) => NativeLibrary.GetExport(_cuda, name);

    private nint CuFile(string name) => NativeLibrary.GetExport(_cufile, name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
