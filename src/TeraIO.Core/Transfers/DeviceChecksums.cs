using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>
/// 64-bit checksums of a GPU's memory, computed there (native/gds_shim/kernels; decision 0031). Keeps its device open. Thread-safe but for <see cref="Dispose"/>; calls of several threads run beside each other.
/// </summary>
internal sealed unsafe class DeviceChecksums(GdsChecksumsHandle handle) : IDisposable
{
    /// <summary>
    /// Sleeps until all are there. The kernel runs at once, behind nothing: what still writes to the memory has to be waited for before. An empty span of ranges is allowed.
    /// </summary>
    /// <param name="ranges">Any addresses of the device, any lengths.</param>
    /// <param name="checksums">As many; undefined after an exception.</param>
    /// <exception cref="TeraIOException">The driver or the device failed.</exception>
    public void Compute(ReadOnlySpan<GdsMemoryRange> ranges, Span<ulong> checksums)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(checksums.Length, ranges.Length, nameof(checksums));
        fixed (GdsMemoryRange* range = ranges)
        fixed (ulong* result = checksums)
        {
            if (NativeMethods.Gds.ChecksumsCompute(handle, range, (uint)ranges.Length, result) != TransferStatus.Ok)
                throw new TeraIOException($"The GPU cannot compute checksums: {NativeMethods.Gds.LastError()}. After an error in a kernel the process has to be started again.");
        }
    }

    /// <summary>Of memory that the CPU can read, the same checksum as that of equal bytes on the device.</summary>
    public static ulong OfHost(ReadOnlySpan<byte> bytes, ulong seed)
    {
        fixed (byte* memory = bytes)
            return NativeMethods.Gds.ChecksumOfHost(memory, (ulong)bytes.Length, seed);
    }

    public void Dispose() => handle.Dispose();
}
