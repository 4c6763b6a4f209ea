namespace TeraIO.Cli.Bench;

/// <summary>One measurement.</summary>
/// <param name="Path">The directory.</param>
/// <param name="Backend"><c>io_uring</c>, <c>threads</c>, or <c>raw</c> for a plain loop of pread and pwrite on threads, without checksums.</param>
/// <param name="Direction">What moved.</param>
/// <param name="RequestBytes">Bytes of each request.</param>
/// <param name="QueueDepth">Requests in flight, per direction.</param>
/// <param name="ReadBandwidth">Bytes read per second.</param>
/// <param name="WriteBandwidth">Bytes written per second.</param>
/// <param name="MedianSeconds">Median time of a request.</param>
/// <param name="SlowSeconds">Time that 99 of 100 requests stay below.</param>
/// <param name="CpuSecondsPerByte">Processor seconds for each byte: of the threads of the engine, or of the whole process in a plain loop.</param>
internal sealed record BenchCell(
    string Path, string Backend, BenchDirection Direction, long RequestBytes, int QueueDepth, double ReadBandwidth, double WriteBandwidth, double MedianSeconds, double SlowSeconds, double CpuSecondsPerByte)
{
    public double Bandwidth => ReadBandwidth + WriteBandwidth;
}
