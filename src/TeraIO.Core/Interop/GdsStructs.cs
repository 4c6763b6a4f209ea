using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Interop;

// Layouts of native/gds_shim/include/tio_gds.h, field by field; GdsAbiTests compares them with the C compiler's.

[Flags]
internal enum GdsFileFlags : uint
{
    None = 0,
    Create = 1 << 0,
    Direct = 1 << 1,
    DirectRequired = 1 << 2,
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsFileInfo
{
    public uint StructSize;
    public uint Direct;
    public uint MemoryAlignment;
    public uint OffsetAlignment;
    public ulong Size;
    public ulong FreeBytes;
    public ulong FileSystem;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsGpuOptions
{
    public uint StructSize;
    public uint Device;
    public uint Waits;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsGpuInfo
{
    public uint StructSize;
    public uint Device;
    public uint Waits;
    public uint Fences;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsFenceState
{
    public uint StructSize;
    public FenceState State;
    public TransferStatus Status;
    public int SystemErrno;
}

/// <summary>No <c>struct_size</c>: an array of them.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GdsMemoryRange
{
    public nint Memory;
    public ulong Bytes;
    public ulong Seed;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsQueueOptions
{
    public uint StructSize;
    public uint Backend;
    public uint QueueDepth;
    public uint ChunkBytes;
    public uint MaxRequests;
    public uint BounceChunks;
    public uint Device;
    public uint Reserved;
    public ulong PinnedBytes;
}

/// <summary>Values are <c>TIO_COPY_*</c>.</summary>
internal enum GdsCopyDirection : uint
{
    ToDevice = 0,
    ToHost = 1,
}

/// <summary>The way that bytes go between a file and device memory.</summary>
internal enum GdsRouteKind : uint
{
    Unknown = 0,
    NvidiaFs = 1,
    PciP2pDma = 2,
    Compatibility = 3,
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsRoute
{
    public uint StructSize;
    public GdsRouteKind Expected;
    public GdsRouteKind Witnessed;
    public uint Reserved;
    public ulong P2pDmaReads;
    public ulong NvidiaFsReads;
    public ulong PosixReads;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsCuFileOptions
{
    public uint StructSize;
    public uint AllowCompatibility;
    public uint UsePciP2pDma;
    public uint Reserved;
    public ulong MaxDirectIoBytes;
    public ulong MaxDeviceCacheBytes;
    public ulong MaxPinnedBytes;
    public ulong RegistrationBudgetBytes;
    public nint SearchRoots;
    public nint LogDirectory;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsCuFileStatistics
{
    public uint StructSize;
    public uint Reserved;
    public ulong Reads;
    public ulong FailedReads;
    public ulong ReadBytes;
    public ulong Writes;
    public ulong FailedWrites;
    public ulong WrittenBytes;
    public ulong P2pDmaReads;
    public ulong NvidiaFsReads;
    public ulong PosixReads;
    public ulong P2pDmaWrites;
    public ulong NvidiaFsWrites;
    public ulong PosixWrites;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsRequest
{
    public const uint NoBuffer = 0xFFFFFFFF;

    public uint StructSize;
    public uint Operation;
    public uint MemoryKind;
    public uint BufferIndex;
    public nint File;
    public nint Memory;
    public ulong Offset;
    public ulong Length;
    public ulong Token;
    public int Priority;
    public uint Reserved;
    public nint After;
    public nint Signals;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GdsCompletion
{
    public ulong Token;
    public ulong Bytes;
    public ulong LatencyNanoseconds;
    public TransferStatus Status;
    public int SystemErrno;
}
