using System.Runtime.InteropServices;

namespace TeraIO.Torch.Interop;

// Mirrors of native/torch_observer/include/tio_observer.h; sizes are compared with the library's when it loads.

[StructLayout(LayoutKind.Sequential)]
internal struct ObserverTraits
{
    public ulong WrittenArguments;
    public uint OpId;
    public OpTraitFlags Flags;
}

[Flags]
internal enum OpTraitFlags : uint
{
    None = 0,
    MetadataOnly = 1 << 0,
    Transparent = 1 << 1,
    BackwardNode = 1 << 2,
    ReturnsValues = 1 << 3,
}

[Flags]
internal enum EventFlags : uint
{
    None = 0,
    Backward = 1 << 0,
    BringsOut = 1 << 1,
}

[Flags]
internal enum ObserverFlags : uint
{
    None = 0,
    DeliverResults = 1 << 2,
}

[Flags]
internal enum OperandFlags : uint
{
    None = 0,
    Written = 1 << 0,
    Released = 1 << 1,
    Movable = 1 << 2,
    Scalar = 1 << 3,
}

[StructLayout(LayoutKind.Sequential)]
internal struct ObserverOperand
{
    public nint Storage;
    public nint Data;
    public ulong Bytes;
    public uint Argument;
    public OperandFlags Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ObserverEvent
{
    public uint StructSize;
    public uint OpId;
    public uint Depth;
    public uint Scope;
    public long SequenceNumber;
    public ulong Thread;
    public uint OperandCount;
    public EventFlags Flags;
    public ObserverOperand* Operands;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ObserverHandlers
{
    public uint StructSize;
    public uint Reserved;
    public nint User;
    public delegate* unmanaged[Cdecl]<nint, byte*, ObserverTraits*, void> Describe;
    public delegate* unmanaged[Cdecl]<nint, ObserverEvent*, void> OpBegin;
    public delegate* unmanaged[Cdecl]<nint, ObserverEvent*, void> OpEnd;
    public delegate* unmanaged[Cdecl]<nint, ulong, byte*, uint, int> MakeRoom;
    public delegate* unmanaged[Cdecl]<nint, nint, ulong, uint, void> Allocated;
    public delegate* unmanaged[Cdecl]<nint, nint, ulong, int> Freeing;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ObserverOptions
{
    public uint StructSize;
    public ObserverFlags Flags;
    public ulong MinimumBytes;
    public ulong LimitBytes;
    public ulong CacheBytes;
    public byte* AssumeVersion;
    public uint SkewField;
    public int SkewBytes;
    public ObserverDevice DeviceType;
    public int DeviceIndex;
}

/// <summary>Whose tensors are observed. Values are the observer's.</summary>
internal enum ObserverDevice : uint
{
    Cpu = 0,
    Cuda = 1,
}

[StructLayout(LayoutKind.Sequential)]
internal struct ObserverStatistics
{
    public uint StructSize;
    public uint Reserved;
    public ulong LiveBytes;
    public ulong PeakBytes;
    public ulong CachedBytes;
    public ulong Operations;
    public ulong OpCallbacks;
    public ulong Allocations;
    public ulong Frees;
    public ulong Released;
    public ulong Restored;
    public ulong ReservedBytes;
}

/// <summary>Status codes of the observer.</summary>
internal static class ObserverStatus
{
    public const int Ok = 0;
    public const int NotLoaded = -2;
    public const int Unsupported = -3;
    public const int Busy = -4;
    public const int State = -5;
    public const int Limit = -7;
}
