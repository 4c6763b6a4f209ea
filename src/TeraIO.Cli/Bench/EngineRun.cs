using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Cli.Doctor;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>
/// Transfers of one size through the engine that training uses: the first half of the file is filled once and only read, the second only written. Slot n of a direction moves blocks n, n + depth and so on, so
/// that each block has one writer. One measurement at a time.
/// </summary>
/// <remarks>What the transfers carry, and how it is checked, is up to the derived class. It calls <see cref="Fill"/> when it is complete.</remarks>
internal abstract class EngineRun : ITransferOwner, IBenchRun
{
    private const int Chunk = 1 << 20;

    private readonly string _name;
    private readonly NativeTransferBackend _backend;
    private readonly TransferEngine _engine;
    private readonly TransferFile _file;
    private readonly Transfer[] _slots;
    private readonly long[] _started;
    private readonly long[] _nextBlocks;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _ended = new(initialState: true);
    private readonly List<double> _latencies = [];
    private readonly CancellationToken _cancellation;
    private long _until;
    private long _read;
    private long _written;
    private long _lastEnd;
    private int _running;
    private string? _fault;

    /// <param name="backend">Which kernel interface.</param>
    /// <param name="path">A file to make; it is gone from its directory when the constructor returns.</param>
    /// <param name="settings">Size of the file.</param>
    /// <param name="size">Bytes of each transfer.</param>
    /// <param name="depth">Transfers in flight per direction.</param>
    /// <param name="cancellation">Ends a measurement early.</param>
    /// <exception cref="TeraIOException">The file cannot be made, or the disk is full.</exception>
    protected EngineRun(StorageBackend backend, string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        (BlockBytes, Depth, Blocks) = (size, depth, settings.Blocks(size, depth));
        _name = BackendTrial.NameOf(backend);
        int most = backend is StorageBackend.Threads or StorageBackend.CuFile ? 64 : 1024;
        _backend = new NativeTransferBackend(backend, (int)Math.Min(most, 2 * depth * ((size + Chunk - 1) / Chunk)), 4 * depth, settings.Gpu);
        TransferFile? file = null;
        try
        {
            file = _backend.CreateFile(path);
            File.Delete(path);
            TransferStatus status = _backend.Allocate(file, 2 * Blocks * size, out string? reason);
            if (status != TransferStatus.Ok) throw new StorageFullException($"There is no room for {new ByteSize(2 * Blocks * size)} in {Path.GetDirectoryName(path)}: {reason}. Free some, or give a smaller --file-size.");
        }
        catch
        {
            file?.Dispose();
            _backend.Dispose();
            throw;
        }

        _file = file;
        _engine = new TransferEngine(_backend, "bench", new TransferLimits(depth * size, depth * size, depth), NullLogger.Instance);
        _slots = [.. Enumerable.Range(0, 2 * depth).Select(i => new Transfer(this, i) { File = file, Length = size })];
        _started = new long[_slots.Length];
        _nextBlocks = new long[_slots.Length];
    }

    /// <summary>The way that the bytes of device memory are expected to go; null for host memory.</summary>
    public BenchRoute? Route(string path) => _file.Route is { } route ? new BenchRoute(path, _name, route, !_file.GoesThroughHostMemory) : null;

    protected long BlockBytes { get; }

    /// <summary>Transfers in flight per direction.</summary>
    protected int Depth { get; }

    /// <summary>Of each half of the file.</summary>
    protected long Blocks { get; }

    /// <inheritdoc/>
    public BenchCell Measure(string path, BenchDirection direction, double seconds)
    {
        int[] readers = direction == BenchDirection.Write ? [] : [.. Enumerable.Range(0, Depth)];
        int[] writers = direction == BenchDirection.Read ? [] : [.. Enumerable.Range(Depth, Depth)];
        foreach (int slot in readers) PrepareRead(slot);
        foreach (int slot in writers) PrepareWrite(slot);
        lock (_lock)
        {
            _latencies.Clear();
            _read = _written = 0;
        }

        double cpu = TransferThreads.ProcessorSeconds();
        long start = Stopwatch.GetTimestamp();
        _until = start + (long)(seconds * Stopwatch.Frequency);
        Go([.. readers, .. writers]);
        double elapsed = Stopwatch.GetElapsedTime(start, _lastEnd).TotalSeconds;
        double busy = TransferThreads.ProcessorSeconds() - cpu;
        _cancellation.ThrowIfCancellationRequested();
        var cell = new BenchCell(
            path, _name, direction, BlockBytes, Depth, _read / elapsed, _written / elapsed, Percentile.Of(_latencies, 0.5), Percentile.Of(_latencies, 0.99), busy / Math.Max(1, _read + _written));
        foreach (int slot in readers) VerifyRead(slot, _slots[slot].Offset / BlockBytes);
        foreach (int slot in writers) VerifyWrite(slot, _slots[slot].Offset);
        return cell;
    }

    /// <inheritdoc/>
    public void OnCompleted(Transfer transfer)
    {
        long now = Stopwatch.GetTimestamp();
        bool goesOn;
        lock (_lock)
        {
            if (transfer.Status != TransferStatus.Ok) _fault ??= $"A {transfer.Direction} of {transfer.File.Path} ended with {transfer.Status} ({Core.Interop.NativeMethods.Gds.DescribeError(transfer.Status, transfer.SystemErrno)}).";
            if (transfer.Direction == TransferDirection.Read) _read += transfer.Length;
            else _written += transfer.Length;
            _latencies.Add(Stopwatch.GetElapsedTime(_started[transfer.Index], now).TotalSeconds);
            OnMoved(transfer, transfer.Offset / BlockBytes);
            goesOn = _fault is null && !_cancellation.IsCancellationRequested && now < _until;
            if (!goesOn) _lastEnd = now;
            if (!goesOn && --_running == 0) _ended.Set();
        }

        if (goesOn) Next(transfer);
    }

    /// <summary>The memory and the file go only after the last transfer.</summary>
    public void Dispose()
    {
        _engine.Dispose();
        _file.Dispose();
        FreeMemory();
        _ended.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes the half that is read.</summary>
    protected void Fill()
    {
        try
        {
            _until = 0;
            for (long first = 0; first < Blocks; first += Depth)
            {
                int count = (int)Math.Min(Depth, Blocks - first);
                for (int slot = 0; slot < count; slot++) PrepareFill(slot, first + slot);
                MoveOnce(TransferDirection.Write, 0, count, slot => (first + slot) * BlockBytes);
                _cancellation.ThrowIfCancellationRequested();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Moves a block of the written half into the memory of slot 0, not in any measurement's time.</summary>
    protected void ReadBack(long offset) => MoveOnce(TransferDirection.Read, 0, 1, _ => offset);

    /// <summary>Gives a transfer its memory and says what is to be done about checksums.</summary>
    protected abstract void Describe(Transfer transfer, bool isRead, long block);

    /// <summary>Before block <paramref name="block"/> is written from a slot, once, not in any measurement's time.</summary>
    protected virtual void PrepareFill(int slot, long block)
    {
    }

    /// <summary>Before a measurement, for each slot that reads.</summary>
    protected virtual void PrepareRead(int slot)
    {
    }

    /// <inheritdoc cref="PrepareRead"/>
    protected virtual void PrepareWrite(int slot)
    {
    }

    /// <summary>A transfer has ended; under a lock, not to block.</summary>
    protected virtual void OnMoved(Transfer transfer, long block)
    {
    }

    /// <summary>After a measurement, for each slot that has read; the block was the last one.</summary>
    /// <exception cref="StorageException">The slot does not hold it.</exception>
    protected virtual void VerifyRead(int slot, long block)
    {
    }

    /// <summary>After a measurement, for each slot that has written; the offset was the last one.</summary>
    /// <exception cref="StorageException">The slot's bytes do not stand there.</exception>
    protected abstract void VerifyWrite(int slot, long offset);

    protected abstract void FreeMemory();

    private void MoveOnce(TransferDirection direction, int firstSlot, int count, Func<int, long> offset)
    {
        _until = 0;
        Begin(count);
        for (int slot = firstSlot; slot < firstSlot + count; slot++) Start(_slots[slot], direction, offset(slot));
        End();
    }

    /// <summary>Starts slots - those below <see cref="Depth"/> as reads - and waits until none goes on.</summary>
    private void Go(int[] slots)
    {
        foreach (int slot in slots) _nextBlocks[slot] = slot % Depth;
        Begin(slots.Length);
        foreach (int slot in slots) Next(_slots[slot]);
        End();
    }

    private void Begin(int running)
    {
        _running = running;
        _ended.Reset();
    }

    private void End()
    {
        _ended.Wait(CancellationToken.None);
        if (_fault is { } fault) throw new StorageException(fault + " The figures so far are not to be trusted; look at the kernel's log (dmesg).");
    }

    private void Next(Transfer transfer)
    {
        bool isRead = transfer.Index < Depth;
        ref long next = ref _nextBlocks[transfer.Index];
        long block = next;
        next = block + Depth < Blocks ? block + Depth : transfer.Index % Depth;
        Start(transfer, isRead ? TransferDirection.Read : TransferDirection.Write, (isRead ? block : Blocks + block) * BlockBytes);
    }

    private void Start(Transfer transfer, TransferDirection direction, long offset)
    {
        transfer.Direction = direction;
        transfer.Offset = offset;
        Describe(transfer, direction == TransferDirection.Read, offset / BlockBytes);
        _started[transfer.Index] = Stopwatch.GetTimestamp();
        _engine.Start(transfer);
    }
}
