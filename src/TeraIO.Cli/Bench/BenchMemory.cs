using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>Aligned memory full of random bytes, which no disk can compress or share. Not thread-safe.</summary>
internal sealed unsafe class BenchMemory : IDisposable
{
    private byte* _memory;
    private nint _pin;

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

    /// <summary>Memory that a GPU's copy engine reaches by itself.</summary>
    /// <exception cref="ConfigurationException">The driver does not pin so much.</exception>
    public static BenchMemory Pinned(long bytes)
    {
        var memory = new BenchMemory(bytes);
        if (NativeMethods.Gds.HostPin(memory._memory, (nuint)bytes, out memory._pin) == TransferStatus.Ok) return memory;
        string reason = NativeMethods.Gds.LastError();
        memory.Dispose();
        throw new ConfigurationException($"{new ByteSize(bytes)} of host memory cannot be pinned: {reason}. Give a smaller --size or --depth, or raise the limit on locked memory (ulimit -l).");
    }

    public nint At(long offset) => (nint)(_memory + offset);

    public Span<byte> Span(long offset, long length) => new(_memory + offset, checked((int)length));

    public void Dispose()
    {
        if (_pin != 0) _ = NativeMethods.Gds.HostUnpin(_pin);
        _pin = 0;
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
