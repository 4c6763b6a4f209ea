using System.Runtime.InteropServices;

namespace TeraIO.Studies.Optimizer;

/// <summary>Page-aligned memory outside the garbage collector's.</summary>
internal sealed unsafe class NativeBlock(long bytes) : IDisposable
{
    public nint Address { get; private set; } = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 4096);

    public void Dispose()
    {
        NativeMemory.AlignedFree((void*)Address);
        Address = 0;
    }
}
