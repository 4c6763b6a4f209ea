using System.Runtime.InteropServices;

namespace TeraIO.TestSupport;

/// <summary>A tensor's memory as tests see it: bytes outside the managed heap, filled from a seed.</summary>
public sealed unsafe class UnmanagedBytes : IDisposable
{
    private byte* _allocation;

    /// <param name="length">Bytes; 0 is allowed.</param>
    /// <param name="misalignment">Distance of the address from a multiple of 4096.</param>
    public UnmanagedBytes(int length, int misalignment = 0)
    {
        Length = length;
        _allocation = (byte*)NativeMemory.AlignedAlloc((nuint)(length + misalignment + 1), 4096);
        Address = (nint)_allocation + misalignment;
        Span.Clear();
    }

    /// <summary>Of the first byte.</summary>
    public nint Address { get; }

    /// <summary>In bytes.</summary>
    public int Length { get; }

    /// <summary>The bytes.</summary>
    public Span<byte> Span => new((void*)Address, Length);

    /// <summary>Bytes that look random and are the same for the same seed.</summary>
    public static UnmanagedBytes Filled(int length, int seed, int misalignment = 0)
    {
        var bytes = new UnmanagedBytes(length, misalignment);
        bytes.Fill(seed);
        return bytes;
    }

    /// <summary>Overwrites the bytes with those of a seed.</summary>
    public void Fill(int seed) => new Random(seed).NextBytes(Span);

    /// <summary>Frees the memory. Nothing may be in flight on it.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_allocation);
        _allocation = null;
    }
}
