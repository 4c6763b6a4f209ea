using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>Blocks in a GPU's memory, which the CPU fills and checks by copies of its own. Not thread-safe; the addresses may be used from any thread.</summary>
internal sealed class DeviceBlocks : IDisposable
{
    private readonly FenceDevice _gpu;
    private readonly DeviceMemory _memory;
    private readonly BenchPattern _pattern;
    private readonly byte[] _seen;

    /// <param name="gpu">Ordinal.</param>
    /// <param name="blocks">How many.</param>
    /// <param name="pattern">What is in them.</param>
    /// <exception cref="TeraIOException">There is no such GPU, or it has not so much memory.</exception>
    public DeviceBlocks(int gpu, int blocks, BenchPattern pattern)
    {
        _pattern = pattern;
        _seen = new byte[pattern.BlockBytes];
        _gpu = new FenceDevice(gpu);
        try
        {
            // The driver aligns to less than what direct transfers want.
            _memory = _gpu.Allocate(((long)blocks * pattern.BlockBytes) + StoreOptions.BlockBytes);
        }
        catch
        {
            _gpu.Dispose();
            throw;
        }
    }

    /// <summary>Copies between a block and pinned memory go through it; thread-safe.</summary>
    public FenceDevice Gpu => _gpu;

    public nint At(int slot)
    {
        nint aligned = (_memory.Address + StoreOptions.BlockBytes - 1) & -StoreOptions.BlockBytes;
        return aligned + ((nint)slot * _pattern.BlockBytes);
    }

    /// <summary>Puts the contents of block <paramref name="number"/> into a slot.</summary>
    public void Put(int slot, long number)
    {
        _pattern.Fill(_seen, number);
        _gpu.CopyToDevice(_seen, At(slot));
    }

    /// <summary>Copies a slot back and compares it with the contents of block <paramref name="number"/>.</summary>
    /// <exception cref="StorageException">It holds something else.</exception>
    public void Require(int slot, long number, string who)
    {
        _seen.AsSpan().Clear();
        _gpu.CopyToHost(At(slot), _seen);
        if (!_pattern.Matches(_seen, number)) throw Wrong(who);
    }

    public static StorageException Wrong(string who) => new($"Other bytes came back than were written, through {who}. None of its figures are to be trusted; look at the kernel's log (dmesg).");

    public void Dispose()
    {
        _memory.Dispose();
        _gpu.Dispose();
    }
}
