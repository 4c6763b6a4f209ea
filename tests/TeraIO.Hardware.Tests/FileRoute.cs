using System.Runtime.InteropServices;
using System.Text;
using TeraIO.Core.Interop;
using TeraIO.Core.Transfers;

namespace TeraIO.Hardware.Tests;

/// <summary>The way that cuFile takes for a file: expected by set-up, and witnessed by its counters around a trial read. Values are <c>TIO_ROUTE_*</c>.</summary>
internal sealed unsafe partial record FileRoute(uint Expected, uint Witnessed, string Why)
{
    public const uint Unknown = 0;
    public const uint NvidiaFs = 1;
    public const uint PciP2pDma = 2;

    private const string Library = "tio_gds_shim";

    static FileRoute() => NativeLibrary.SetDllImportResolver(
        typeof(FileRoute).Assembly, static (name, _, _) => name == Library ? NativeLibraryLocator.Resolve(name) : 0);

    public static FileRoute Of(GdsFileHandle file, int device)
    {
        var route = new Route { StructSize = (uint)sizeof(Route) };
        byte* why = stackalloc byte[1024];
        Assert.That((TransferStatus)GetRoute(file.DangerousGetHandle(), device, &route, why, 1024), Is.EqualTo(TransferStatus.Ok), NativeMethods.Gds.LastError());
        return new FileRoute(route.Expected, route.Witnessed, Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(why)));
    }

    [LibraryImport(Library, EntryPoint = "tio_gds_file_get_route")]
    private static partial int GetRoute(nint file, int device, Route* route, byte* why, nuint whyCapacity);

    [StructLayout(LayoutKind.Sequential)]
    private struct Route
    {
        public uint StructSize;
        public uint Expected;
        public uint Witnessed;
        public uint Reserved;
        public ulong P2pDmaReads;
        public ulong NvidiaFsReads;
        public ulong PosixReads;
    }
}
