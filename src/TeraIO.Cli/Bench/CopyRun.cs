namespace TeraIO.Cli.Bench;

/// <summary>
/// The link's own figure: copies between pinned memory and the GPU, one after the other, each waited for. They share the legacy default stream, so that both directions at once share what one has.
/// </summary>
internal sealed class CopyRun : ThreadedRun
{
    private readonly BenchMemory _host;
    private readonly DeviceBlocks _device;

    public CopyRun(BenchSettings settings, long size, int depth, CancellationToken cancellation)
        : base(BenchNames.Copy, settings.Blocks(size, depth), size, depth, cancellation)
    {
        _device = new DeviceBlocks(settings.Gpu, 2 * depth, new BenchPattern(checked((int)size)));
        try
        {
            _host = BenchMemory.Pinned(2 * depth * size);
        }
        catch
        {
            _device.Dispose();
            throw;
        }
    }

    protected override void Read(int lane, long block) => _device.Gpu.CopyToDevice(_host.Span(lane * BlockBytes, BlockBytes), _device.At(lane));

    protected override void Write(int lane, long block) => _device.Gpu.CopyToHost(_device.At(Depth + lane), _host.Span((Depth + lane) * BlockBytes, BlockBytes));

    protected override void Dispose(bool disposing)
    {
        _host.Dispose();
        _device.Dispose();
    }
}
