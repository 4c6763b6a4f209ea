using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>A GPU's memory through the engine. The CPU cannot check what passes; after each measurement the last block of each slot is copied back and compared.</summary>
internal sealed class DeviceEngineRun : EngineRun
{
    /// <summary>Of slots that are written from: no number of a block.</summary>
    private const long OfWriters = 1L << 40;

    /// <summary>Of slots before a measurement.</summary>
    private const long Nothing = -1;

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

    protected override void PrepareRead(int slot) => _device.Put(slot, Nothing);

    protected override void PrepareWrite(int slot) => _device.Put(slot, OfWriters + slot);

    protected override void OnMoved(Transfer transfer, long block)
    {
    }

    protected override void VerifyRead(int slot, long block) => _device.Require(slot, block, _who);

    protected override void VerifyWrite(int slot, long offset)
    {
        ReadBack(offset);
        _device.Require(0, OfWriters + slot, _who);
    }

    protected override void FreeMemory() => _device?.Dispose();
}
