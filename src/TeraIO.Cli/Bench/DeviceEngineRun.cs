using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>A GPU's memory through the engine. The CPU cannot check what passes; after each measurement the last block of each slot is copied back and compared.</summary>
internal sealed class DeviceEngineRun : EngineRun
{
    private readonly DeviceBlocks _device;
    private readonly string _who;

    /// <inheritdoc cref="EngineRun(StorageBackend, string, BenchSettings, long, int, CancellationToken)"/>
    public DeviceEngineRun(StorageBackend backend, string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
        : base(backend, path, settings, size, depth, cancellation)
    {
        _who = $"the backend {Doctor.BackendTrial.NameOf(backend)}";
        try
        {
            _device = new DeviceBlocks(settings.Gpu, 2 * depth, new BenchPattern(checked((int)size)));
        }
        catch
        {
            Dispose();
            throw;
        }

        Fill();
    }

    protected override void Describe(Transfer transfer, bool isRead, long block)
    {
        transfer.Memory = _device.At(transfer.Index);
        transfer.KeepsChecksum = true;
    }

    protected override void PrepareFill(int slot, long block) => _device.Put(slot, block);

    protected override void PrepareRead(int slot) => _device.Put(slot, BenchPattern.Nothing);

    protected override void PrepareWrite(int slot) => _device.Put(slot, BenchPattern.OfWriters + slot);

    protected override void VerifyRead(int slot, long block) => _device.Require(slot, block, _who);

    protected override void VerifyWrite(int slot, long offset)
    {
        ReadBack(offset);
        _device.Require(0, BenchPattern.OfWriters + slot, _who);
    }

    protected override void FreeMemory() => _device?.Dispose();
}
