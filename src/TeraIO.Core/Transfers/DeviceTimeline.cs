using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>
/// When a GPU comes to certain places in its streams, by its own clock: the host's clock only knows when work was launched. Keeps its device open. Thread-safe but for <see cref="Dispose"/>.
/// </summary>
internal sealed unsafe class DeviceTimeline(GdsTimelineHandle handle) : IDisposable
{
    /// <summary>Marks the moment at which the work that is in the stream now has finished. The caller goes on; it waits for nothing but another thread's <see cref="Collect"/>.</summary>
    /// <param name="stream">A <c>CUstream</c>; 0 is the legacy default stream.</param>
    /// <returns>The number of the mark since the last <see cref="Collect"/>, from 0.</returns>
    /// <exception cref="TeraIOException">The driver refused; there is no mark.</exception>
    public int Mark(nint stream)
    {
        Require(NativeMethods.Gds.TimelineMark(handle, stream, out ulong index), "marked");
        return (int)index;
    }

    /// <summary>Waits until the device has come to all marks, and begins anew.</summary>
    /// <returns>
    /// For each mark the time since the first one; from one to the next as exact as CUDA's events, about half a microsecond. Below zero where another stream came to a mark before the first one's did.
    /// </returns>
    /// <exception cref="TeraIOException">The device or a kernel has failed; the marks are gone.</exception>
    public TimeSpan[] Collect()
    {
        double[] seconds = [];
        while (true)
        {
            TransferStatus status;
            ulong count;
            fixed (double* first = seconds)
                status = NativeMethods.Gds.TimelineCollect(handle, first, (ulong)seconds.Length, out count);
            if (status == TransferStatus.Ok)
                return Array.ConvertAll(seconds[..(int)count], static s => TimeSpan.FromTicks((long)Math.Round(s * TimeSpan.TicksPerSecond)));
            if (count <= (ulong)seconds.Length)
                Require(status, "collected");
            // Another thread may mark meanwhile.
            seconds = new double[count];
        }
    }

    public void Dispose() => handle.Dispose();

    private static void Require(TransferStatus status, string what)
    {
        if (status != TransferStatus.Ok)
            throw new TeraIOException($"The time of a GPU cannot be {what}: {NativeMethods.Gds.LastError()}. The step that is measured has to end.");
    }
}
