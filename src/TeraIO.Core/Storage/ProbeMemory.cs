using System.Runtime.InteropServices;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>Filled memory for a <see cref="StoreProbe"/>, of the kind that the store moves. Dispose when no transfer uses it.</summary>
internal sealed unsafe class ProbeMemory : IDisposable
{
    private const int Alignment = 4096;
    private const byte Content = 0x5A;

    private readonly FenceDevice? _device; // null: host memory
    private readonly DeviceMemory? _ofDevice;
    private readonly nint _ofHost;

    private ProbeMemory(nint host)
    {
        _ofHost = host;
    }

    private ProbeMemory(FenceDevice device, DeviceMemory memory)
    {
        _device = device;
        _ofDevice = memory;
    }

    /// <summary>What transfers take.</summary>
    public nint Address => _ofDevice?.Address ?? _ofHost;

    /// <param name="bytes">Above 0.</param>
    public static ProbeMemory OnHost(long bytes)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
        NativeMemory.Fill(memory, (nuint)bytes, Content);
        return new ProbeMemory((nint)memory);
    }

    /// <summary>Memory of the driver's, beside that of libtorch's caching allocator.</summary>
    /// <param name="ordinal">Of the CUDA device.</param>
    /// <param name="bytes">Above 0.</param>
    /// <exception cref="TeraIOException">There is no such device, or it has no room.</exception>
    public static ProbeMemory OnDevice(int ordinal, long bytes)
    {
        const int Piece = 1 << 20;
        var device = new FenceDevice(ordinal);
        DeviceMemory? memory = null;
        try
        {
            memory = device.Allocate(bytes);
            byte[] content = new byte[Piece];
            content.AsSpan().Fill(Content);
            for (long offset = 0; offset < bytes; offset += Piece) memory.CopyFrom(content.AsSpan(0, (int)Math.Min(Piece, bytes - offset)), offset);
            return new ProbeMemory(device, memory);
        }
        catch
        {
            memory?.Dispose();
            device.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_device is null)
        {
            NativeMemory.AlignedFree((void*)_ofHost);
            return;
        }

        _ofDevice!.Dispose();
        _device.Dispose();
    }
}
