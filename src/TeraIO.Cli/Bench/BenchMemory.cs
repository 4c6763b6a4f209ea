using System.Runtime.InteropServices;
using TeraIO.Core.Storage;

namespace TeraIO.Cli.Bench;

/// <summary>Aligned memory full of random bytes, which no disk can compress or share. Not thread-safe.</summary>
internal sealed unsafe class BenchMemory : IDisposable
{
    private byte* _memory;

    public BenchMemory(long bytes)
    {
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, StoreOptions.BlockBytes);
        var random = new Random(unchecked((int)0x7e8a10));
        for (long at = 0; at < bytes;)
        {
            int length = (int)Math.Min(bytes - at, 1 << 20);
            random.NextBytes(new Span<byte>(_memory + at, length));
            at += length;
        }
    }

    public nint At(long offset) => (nint)(_memory + offset);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
