namespace TeraIO.Core.Storage;

/// <summary>What one storage path was measured to do with the settings that served it best.</summary>
/// <param name="Path">The directory.</param>
/// <param name="Backend">The kernel interface: <c>io_uring</c>, <c>threads</c>, <c>cufile</c> or <c>staged</c>.</param>
/// <param name="RequestBytes">Bytes of each request.</param>
/// <param name="QueueDepth">Requests in flight, per direction.</param>
/// <param name="ReadBandwidth">Bytes per second while nothing is written, checksums included.</param>
/// <param name="WriteBandwidth">Bytes per second while nothing is read, checksums included.</param>
/// <param name="Interference">0: reads and writes run at full speed at once; 1: they share one channel.</param>
/// <param name="LatencySeconds">Median time of the shortest request measured, alone in flight.</param>
/// <param name="CpuSecondsPerByte">Processor seconds of the threads that move them, for each byte.</param>
public sealed record PathBandwidth(
    string Path, string Backend, long RequestBytes, int QueueDepth, double ReadBandwidth, double WriteBandwidth, double Interference, double LatencySeconds, double CpuSecondsPerByte);
