using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Cli.Doctor;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Bench;

/// <summary>Sweeps request sizes, queue depths and directions over paths and backends, beside a plain loop on the same disk in the same run.</summary>
internal static class StorageBench
{
    private static readonly StorageBackend[] _backends = [StorageBackend.IoUring, StorageBackend.Threads];

    /// <summary>Measures everything. Files have lost their names before the first byte is written, so that nothing stays behind however the process ends.</summary>
    /// <param name="settings">What to sweep.</param>
    /// <param name="trials">Which backends work here.</param>
    /// <param name="progress">Told from 0 to 1; may be null.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="TeraIOException">A path cannot be used, is full, or a transfer failed.</exception>
    public static List<BenchCell> Run(BenchSettings settings, IReadOnlyList<BackendTrial> trials, IProgress<double>? progress, CancellationToken cancellation)
    {
        StorageBackend[] backends = [.. _backends.Where(b => trials.Any(t => t.Backend == (uint)b && t.Works))];
        var cells = new List<BenchCell>();
        double all = settings.Cells * (backends.Length + 1);
        foreach (string path in settings.Paths)
        {
            using StoreDirectory own = StoreDirectory.Create(path, NullLogger.Instance);
            foreach (long size in settings.RequestBytes)
            {
                foreach (int depth in settings.QueueDepths)
                {
                    RequireRoom(path, settings, size, depth);
                    Add(new RawRun(own.StoreFilePath, settings, size, depth, cancellation), static (run, p, d, s) => run.Measure(p, d, s), path);
                    foreach (StorageBackend backend in backends)
                        Add(new EngineRun(backend, own.StoreFilePath, settings, size, depth, cancellation), static (run, p, d, s) => run.Measure(p, d, s), path);
                }
            }
        }

        return cells;

        // Written blocks of the plain loop would fill a disk that is too small before they failed.
        static void RequireRoom(string path, BenchSettings settings, long size, int depth)
        {
            long free = new DriveInfo(path).AvailableFreeSpace;
            long needed = 2 * settings.Blocks(size, depth) * size;
            if (needed > free) throw new StorageFullException($"There is no room for {Figures.Bytes(needed)} in {path}, {Figures.Bytes(free)} are free. Free some, or give a smaller --file-size.") { Path = path };
        }

        void Add<T>(T run, Func<T, string, BenchDirection, double, BenchCell> measure, string path)
            where T : IDisposable
        {
            using (run)
            {
                foreach (BenchDirection direction in settings.Directions)
                {
                    cells.Add(measure(run, path, direction, settings.Seconds));
                    progress?.Report(cells.Count / all);
                }
            }
        }
    }
}
