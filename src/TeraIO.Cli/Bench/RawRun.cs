using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using TeraIO.Core;
using TeraIO.Core.Interop;

namespace TeraIO.Cli.Bench;

/// <summary>The device's own figure: as many threads as requests in flight, each in a loop of pread or pwrite with O_DIRECT, no engine and no checksums.</summary>
internal sealed class RawRun : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly BenchMemory _memory;
    private readonly long _size;
    private readonly int _depth;
    private readonly long _blocks;
    private readonly CancellationToken _cancellation;

    /// <param name="path">A file to make; it is gone from its directory when the constructor returns.</param>
    /// <param name="settings">Size of the file.</param>
    /// <param name="size">Bytes of each request.</param>
    /// <param name="depth">Threads per direction.</param>
    /// <param name="cancellation">Ends a measurement early.</param>
    public RawRun(string path, BenchSettings settings, long size, int depth, CancellationToken cancellation)
    {
        (_size, _depth, _cancellation) = (size, depth, cancellation);
        _blocks = settings.Blocks(size, depth);
        _file = NativeMethods.LibC.CreateDirect(path);
        File.Delete(path);
        _memory = new BenchMemory(2 * depth * size);
        try
        {
            // Blocks that were never written would read as zeros without any work of the disk.
            for (long block = 0; block < 2 * _blocks && !cancellation.IsCancellationRequested; block++) Write((int)(block % (2 * depth)), block * size);
            cancellation.ThrowIfCancellationRequested();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public BenchCell Measure(string path, BenchDirection direction, double seconds)
    {
        int reads = direction == BenchDirection.Write ? 0 : _depth;
        int writes = direction == BenchDirection.Read ? 0 : _depth;
        long read = 0;
        long written = 0;
        var latencies = new List<double>();
        var faults = new List<Exception>();
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        long until = start + (long)(seconds * Stopwatch.Frequency);
        Thread[] threads = [.. Enumerable.Range(0, reads + writes).Select(i => new Thread(() => Loop(i)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double busy = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        if (faults.Count > 0) throw new StorageException($"The plain loop on {path} failed: {faults[0].Message}", faults[0]);
        _cancellation.ThrowIfCancellationRequested();
        return new BenchCell(
            path, "raw", direction, _size, _depth, read / elapsed, written / elapsed, Percentile.Of(latencies, 0.5), Percentile.Of(latencies, 0.99), busy / Math.Max(1, read + written));

        void Loop(int index)
        {
            var own = new List<double>();
            try
            {
                bool isRead = index < reads;
                int lane = isRead ? index : index - reads;
                long block = lane;
                // At least once: on a busy machine a thread may begin when the time is over.
                do
                {
                    long begun = Stopwatch.GetTimestamp();
                    if (isRead) Read(lane, block * _size);
                    else Write(_depth + lane, (_blocks + block) * _size);
                    own.Add(Stopwatch.GetElapsedTime(begun).TotalSeconds);
                    block = (block + _depth) % _blocks;
                }
                while (Stopwatch.GetTimestamp() < until && !_cancellation.IsCancellationRequested);

                Interlocked.Add(ref isRead ? ref read : ref written, own.Count * _size);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                lock (faults) faults.Add(e);
            }

            lock (latencies) latencies.AddRange(own);
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _memory.Dispose();
    }

    private void Read(int slot, long offset)
    {
        for (long done = 0; done < _size;)
        {
            int read = RandomAccess.Read(_file, Slot(slot, done), offset + done);
            if (read == 0) throw new IOException($"the file ends at {offset + done}");
            done += read;
        }
    }

    private void Write(int slot, long offset) => RandomAccess.Write(_file, Slot(slot, 0), offset);

    private unsafe Span<byte> Slot(int slot, long from) => new((void*)_memory.At((slot * _size) + from), checked((int)(_size - from)));
}
