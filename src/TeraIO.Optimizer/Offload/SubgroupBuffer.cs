using System.Runtime.InteropServices;

namespace TeraIO.Optimizer.Offload;

/// <summary>Host memory for one subgroup: its state record, and behind it its gradients where those travel with it.</summary>
internal sealed unsafe class SubgroupBuffer(long bytes) : IDisposable
{
    /// <summary>Page-aligned.</summary>
    public nint Address { get; private set; } = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 4096);

    public void Dispose()
    {
        NativeMemory.AlignedFree((void*)Address);
        Address = 0;
    }
}
