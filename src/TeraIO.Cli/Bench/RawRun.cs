namespace TeraIO.Cli.Bench;

/// <summary>The disk's own figure: a loop of pread or pwrite with O_DIRECT on each thread, no engine and no checksums.</summary>
internal sealed class RawRun : ThreadedRun
{
    private readonly BenchFile _file;
    private readonly BenchMemory _memory;

    /// <param name="path">A file to make; it is gone from its directory when the constructor returns.</param>
    /// <param name="settings">Size of the file.</param>
    /// <param name="size">Bytes of each request.</param>
    /// <param name="depth">Threads per direction.</param>
    /// <param name="cancellation">Ends a measurement early.</param>
    public RawRun(string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
        : base(BenchNames.Disk, settings.Blocks(size, depth), size, depth, cancellation)
    {
        _file = new BenchFile(path);
        _memory = new BenchMemory(2 * depth * size);
        try
        {
            // Blocks that were never written would read as zeros without any work of the disk.
            for (long block = 0; block < 2 * Blocks && !cancellation.IsCancellationRequested; block++) _file.Write(_memory.Span(block % (2 * depth) * size, size), block * size);
            cancellation.ThrowIfCancellationRequested();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    protected override void Read(int lane, long block) => _file.Read(_memory.Span(lane * BlockBytes, BlockBytes), block * BlockBytes);

    protected override void Write(int lane, long block) => _file.Write(_memory.Span((Depth + lane) * BlockBytes, BlockBytes), (Blocks + block) * BlockBytes);

    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        _memory.Dispose();
    }
}
