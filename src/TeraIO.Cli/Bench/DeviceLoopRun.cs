namespace TeraIO.Cli.Bench;

/// <summary>
/// What a program without TeraIO does with device memory: on each thread pread with O_DIRECT into pinned memory and a copy to the GPU, or a copy from it and pwrite. Nothing of one request overlaps, but threads do.
/// </summary>
internal sealed class DeviceLoopRun : ThreadedRun
{
    private readonly BenchFile _file;
    private readonly BenchMemory _host;
    private readonly DeviceBlocks _device;
    private readonly BenchPattern _pattern;

    /// <inheritdoc cref="RawRun(string, BenchSettings, long, int, CancellationToken)"/>
    public DeviceLoopRun(string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
        : base(BenchNames.Loop, settings.Blocks(size, depth), size, depth, cancellation)
    {
        _pattern = new BenchPattern(checked((int)size));
        _device = new DeviceBlocks(settings.Gpu, 2 * depth, _pattern);
        BenchMemory? host = null;
        BenchFile? file = null;
        try
        {
            _host = host = BenchMemory.Pinned(2 * depth * size);
            _file = file = new BenchFile(path);
            Fill();
        }
        catch
        {
            file?.Dispose();
            host?.Dispose();
            _device.Dispose();
            throw;
        }
    }

    protected override void Prepare(int reads, int writes)
    {
        for (int lane = 0; lane < reads; lane++) _device.Put(lane, BenchPattern.Nothing);
        for (int lane = 0; lane < writes; lane++) _device.Put(Depth + lane, BenchPattern.OfWriters + lane);
    }

    protected override void Read(int lane, long block)
    {
        Span<byte> pinned = Pinned(lane);
        _file.Read(pinned, block * BlockBytes);
        _device.Gpu.CopyToDevice(pinned, _device.At(lane));
    }

    protected override void Write(int lane, long block)
    {
        Span<byte> pinned = Pinned(Depth + lane);
        _device.Gpu.CopyToHost(_device.At(Depth + lane), pinned);
        _file.Write(pinned, (Blocks + block) * BlockBytes);
    }

    protected override void Verify(bool isRead, int lane, long block)
    {
        if (isRead)
        {
            _device.Require(lane, block, "the plain loop");
            return;
        }

        Span<byte> pinned = Pinned(lane);
        _file.Read(pinned, (Blocks + block) * BlockBytes);
        if (!_pattern.Matches(pinned, BenchPattern.OfWriters + lane)) throw DeviceBlocks.Wrong("the plain loop");
    }

    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        _host.Dispose();
        _device.Dispose();
    }

    private void Fill()
    {
        Span<byte> pinned = Pinned(0);
        for (long block = 0; block < 2 * Blocks && !Cancellation.IsCancellationRequested; block++)
        {
            _pattern.Fill(pinned, block);
            _file.Write(pinned, block * BlockBytes);
        }

        Cancellation.ThrowIfCancellationRequested();
    }

    private Span<byte> Pinned(int slot) => _host.Span(slot * BlockBytes, BlockBytes);
}
