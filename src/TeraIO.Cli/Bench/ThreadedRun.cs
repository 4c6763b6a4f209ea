using System.Diagnostics;
using TeraIO.Core;

namespace TeraIO.Cli.Bench;

/// <summary>A plain loop on as many threads as requests in flight, without the engine: what is measured beside it. One measurement at a time.</summary>
/// <param name="name">As <see cref="BenchCell.Backend"/>.</param>
/// <param name="blocks">Blocks of each direction.</param>
/// <param name="size">Bytes of each request, which moves one block.</param>
/// <param name="depth">Threads per direction.</param>
/// <param name="cancellation">Ends a measurement early.</param>
internal abstract class ThreadedRun(string name, long blocks, long size, int depth, CancellationToken cancellation) : IBenchRun
{
    protected long BlockBytes => size;

    /// <summary>Of each direction; thread n moves blocks n, n + depth and so on.</summary>
    protected long Blocks => blocks;

    /// <summary>Threads per direction.</summary>
    protected int Depth => depth;

    protected CancellationToken Cancellation => cancellation;

    /// <inheritdoc/>
    public BenchCell Measure(string path, BenchDirection direction, double seconds)
    {
        int reads = direction == BenchDirection.Write ? 0 : depth;
        int writes = direction == BenchDirection.Read ? 0 : depth;
        Prepare(reads, writes);
        long read = 0;
        long written = 0;
        var latencies = new List<double>();
        var faults = new List<Exception>();
        var last = new long[reads + writes];
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        long until = start + (long)(seconds * Stopwatch.Frequency);
        Thread[] threads = [.. Enumerable.Range(0, reads + writes).Select(i => new Thread(() => Loop(i)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double busy = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        if (faults.Count > 0) throw new StorageException($"The plain loop on {path} failed: {faults[0].Message}", faults[0]);
        cancellation.ThrowIfCancellationRequested();
        for (int i = 0; i < last.Length; i++) Verify(i < reads, i < reads ? i : i - reads, last[i]);
        return new BenchCell(
            path, name, direction, size, depth, read / elapsed, written / elapsed, Percentile.Of(latencies, 0.5), Percentile.Of(latencies, 0.99), busy / Math.Max(1, read + written));

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
                    if (isRead) Read(lane, block);
                    else Write(lane, block);
                    own.Add(Stopwatch.GetElapsedTime(begun).TotalSeconds);
                    last[index] = block;
                    block = block + depth < blocks ? block + depth : lane;
                }
                while (Stopwatch.GetTimestamp() < until && !cancellation.IsCancellationRequested);

                Interlocked.Add(ref isRead ? ref read : ref written, own.Count * size);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or TeraIOException)
            {
                lock (faults) faults.Add(e);
            }

            lock (latencies) latencies.AddRange(own);
        }
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>Before a measurement, and not in its time.</summary>
    protected virtual void Prepare(int reads, int writes)
    {
    }

    /// <summary>Moves a block of those that are read. On threads of its own, one per lane.</summary>
    protected abstract void Read(int lane, long block);

    /// <inheritdoc cref="Read"/>
    protected abstract void Write(int lane, long block);

    /// <summary>After a measurement, and not in its time: that the last block of each thread holds what it should.</summary>
    /// <exception cref="StorageException">It does not.</exception>
    protected virtual void Verify(bool isRead, int lane, long block)
    {
    }
}
