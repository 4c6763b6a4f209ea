using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Cli.Bench;

/// <summary>
/// Transfers of one size through the engine that training uses, checksums included: the first half of the file is filled once and only
/// read, the second only written, so that every read is verified. One measurement at a time.
/// </summary>
internal sealed class EngineRun : ITransferOwner, IDisposable
{
    private const int Chunk = 1 << 20;

    private readonly NativeTransferBackend _backend;
    private readonly TransferEngine _engine;
    private readonly TransferFile _file;
    private readonly BenchMemory _memory;
    private readonly Transfer[] _slots;
    private readonly long[] _started;
    private readonly ulong[] _checksums;
    private readonly long _size;
    private readonly long _blocks;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _ended = new(initialState: true);
    private readonly List<double> _latencies = [];
    private readonly CancellationToken _cancellation;
    private long _until;
    private long _nextRead;
    private long _nextWrite;
    private long _read;
    private long _written;
    private long _lastEnd;
    private int _running;
    private long _fillsLeft;
    private string? _fault;

    /// <param name="backend">Which kernel interface.</param>
    /// <param name="path">A file to make; it is gone from its directory when the constructor returns.</param>
    /// <param name="settings">Size of the file.</param>
    /// <param name="size">Bytes of each transfer.</param>
    /// <param name="depth">Transfers in flight per direction.</param>
    /// <param name="cancellation">Ends a measurement early.</param>
    /// <exception cref="TeraIOException">The file cannot be made, or the disk is full.</exception>
    public EngineRun(StorageBackend backend, string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _size = size;
        _blocks = settings.Blocks(size, depth);
        int most = backend == StorageBackend.Threads ? 64 : 1024;
        _backend = new NativeTransferBackend(backend, (int)Math.Min(most, 2 * depth * ((size + Chunk - 1) / Chunk)), 4 * depth);
        TransferFile? file = null;
        try
        {
            file = _backend.CreateFile(path);
            File.Delete(path);
            TransferStatus status = _backend.Allocate(file, 2 * _blocks * size, out string? reason);
            if (status != TransferStatus.Ok) throw new StorageFullException($"There is no room for {new ByteSize(2 * _blocks * size)} in {Path.GetDirectoryName(path)}: {reason}. Free some, or give a smaller --file-size.");
        }
        catch
        {
            file?.Dispose();
            _backend.Dispose();
            throw;
        }

        _file = file;
        _memory = new BenchMemory(2 * depth * size);
        _engine = new TransferEngine(_backend, "bench", new TransferLimits(depth * size, depth * size, depth), NullLogger.Instance);
        _slots = [.. Enumerable.Range(0, 2 * depth).Select(i => new Transfer(this, i) { File = file, Length = size, Memory = _memory.At(i * size), ChecksumSeed = 1 })];
        _started = new long[_slots.Length];
        _checksums = new ulong[_blocks];
        Fill();
    }

    public string BackendName => _backend.Name;

    public bool IsDirect => _file.IsDirect;

    /// <summary>Moves for the given time.</summary>
    public BenchCell Measure(string path, BenchDirection direction, double seconds)
    {
        int depth = _slots.Length / 2;
        lock (_lock)
        {
            _latencies.Clear();
            _read = _written = 0;
        }

        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        _until = start + (long)(seconds * Stopwatch.Frequency);
        Go([.. direction != BenchDirection.Write ? _slots[..depth] : [], .. direction != BenchDirection.Read ? _slots[depth..] : []], depth);
        double elapsed = Stopwatch.GetElapsedTime(start, _lastEnd).TotalSeconds;
        double busy = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        _cancellation.ThrowIfCancellationRequested();
        return new BenchCell(
            path, BackendName, direction, _size, depth, _read / elapsed, _written / elapsed, Percentile.Of(_latencies, 0.5), Percentile.Of(_latencies, 0.99), busy / Math.Max(1, _read + _written));
    }

    /// <inheritdoc/>
    public void OnCompleted(Transfer transfer)
    {
        long now = Stopwatch.GetTimestamp();
        bool goesOn;
        lock (_lock)
        {
            if (transfer.Status != TransferStatus.Ok) _fault ??= $"A {transfer.Direction} of {transfer.File.Path} ended with {transfer.Status} (errno {transfer.SystemErrno}).";
            if (transfer.Direction == TransferDirection.Read) _read += transfer.Length;
            else _written += transfer.Length;
            _latencies.Add(Stopwatch.GetElapsedTime(_started[transfer.Index], now).TotalSeconds);
            bool isFill = transfer.Direction == TransferDirection.Write && transfer.Offset < _blocks * _size;
            if (isFill) _checksums[transfer.Offset / _size] = transfer.Checksum;
            goesOn = _fault is null && !_cancellation.IsCancellationRequested && (isFill ? _fillsLeft > 0 : now < _until);
            if (!goesOn) _lastEnd = now;
            if (!goesOn && --_running == 0) _ended.Set();
        }

        if (goesOn) Next(transfer, isRead: transfer.Direction == TransferDirection.Read);
    }

    /// <summary>The memory and the file go only after the last transfer.</summary>
    public void Dispose()
    {
        _engine.Dispose();
        _file.Dispose();
        _memory.Dispose();
        _ended.Dispose();
    }

    private void Fill()
    {
        try
        {
            _fillsLeft = _blocks;
            Go(_slots[..(int)Math.Min(_slots.Length / 2, _blocks)], 0);
            _cancellation.ThrowIfCancellationRequested();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Starts slots - the first <paramref name="reads"/> of all as reads - and waits until none goes on.</summary>
    private void Go(Transfer[] slots, int reads)
    {
        _running = slots.Length;
        _ended.Reset();
        foreach (Transfer slot in slots) Next(slot, isRead: slot.Index < reads);
        _ended.Wait(CancellationToken.None);
        if (_fault is { } fault) throw new StorageException(fault + " The figures so far are not to be trusted; look at the kernel's log (dmesg).");
    }

    private void Next(Transfer transfer, bool isRead)
    {
        lock (_lock)
        {
            transfer.Direction = isRead ? TransferDirection.Read : TransferDirection.Write;
            transfer.VerifiesChecksum = isRead;
            if (isRead)
            {
                long block = _nextRead++ % _blocks;
                transfer.Offset = block * _size;
                transfer.Checksum = _checksums[block];
            }
            else if (_fillsLeft > 0)
            {
                transfer.Offset = --_fillsLeft * _size;
            }
            else
            {
                transfer.Offset = (_blocks + (_nextWrite++ % _blocks)) * _size;
            }
        }

        _started[transfer.Index] = Stopwatch.GetTimestamp();
        _engine.Start(transfer);
    }
}
