using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>Host memory through the engine, checksums included: every read is verified by its checksum, as in training.</summary>
internal sealed class HostEngineRun : EngineRun
{
    private readonly BenchMemory _memory;
    private readonly ulong[] _checksums;

    /// <inheritdoc cref="EngineRun(StorageBackend, string, BenchSettings, long, int, CancellationToken)"/>
    public HostEngineRun(StorageBackend backend, string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
        : base(backend, path, settings, size, depth, cancellation)
    {
        _memory = new BenchMemory(2 * depth * size);
        _checksums = new ulong[2 * Blocks];
        Fill();
    }

    protected override void Describe(Transfer transfer, bool isRead, long block)
    {
        transfer.Memory = _memory.At(transfer.Index * BlockBytes);
        transfer.ChecksumSeed = 1;
        transfer.VerifiesChecksum = isRead;
        if (isRead) transfer.Checksum = _checksums[block];
    }

    protected override void OnMoved(Transfer transfer, long block)
    {
        if (transfer.Direction == TransferDirection.Write) _checksums[block] = transfer.Checksum;
    }

    // The engine has verified every read of the measurement already.
    protected override void VerifyWrite(int slot, long offset) => ReadBack(offset);

    protected override void FreeMemory() => _memory?.Dispose();
}
