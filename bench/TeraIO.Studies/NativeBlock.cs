using System.Runtime.InteropServices;

namespace TeraIO.Studies;

/// <summary>Page-aligned memory outside the garbage collector's.</summary>
internal sealed unsafe class NativeBlock(long bytes) : IDisposable
{
    public nint Address { get; private set; } = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 4096);

    /// <summary>Some of its bytes.</summary>
    public Span<byte> Bytes(long offset, long count) => new((void*)(Address + (nint)offset), checked((int)count));

    public void Dispose()
    {
        NativeMemory.AlignedFree((void*)Address);
        Address = 0;
    }
}
