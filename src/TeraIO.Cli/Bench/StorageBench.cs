using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Bench;

/// <summary>
/// Sweeps request sizes, queue depths and directions over paths and backends, beside a plain loop on the same disk in the same run; with device memory also beside the disk and the link alone.
/// </summary>
internal static class StorageBench
{
    private const int LoopsBesideHostMemory = 1;
    private const int LoopsBesideDeviceMemory = 3;

    /// <summary>Measures everything. Files have lost their names before the first byte is written, so that nothing stays behind however the process ends.</summary>
    /// <param name="settings">What to sweep.</param>
    /// <param name="progress">Told from 0 to 1; may be null.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="TeraIOException">A path or a GPU cannot be used, is full, or a transfer failed.</exception>
    public static BenchResult Run(BenchSettings settings, IProgress<double>? progress, CancellationToken cancellation)
    {
        var cells = new List<BenchCell>();
        var routes = new List<BenchRoute>();
        double all = settings.Cells * (settings.Backends.Count + (settings.MovesDeviceMemory ? LoopsBesideDeviceMemory : LoopsBesideHostMemory));
        foreach (string path in settings.Paths)
        {
            using StoreDirectory own = StoreDirectory.Create(path, NullLogger.Instance);
            string file = own.StoreFilePath;
            foreach (long size in settings.RequestBytes)
            {
                foreach (int depth in settings.QueueDepths)
                {
                    RequireRoom(path, settings, size, depth);
                    Add(new RawRun(file, settings, size, depth, cancellation), path);
                    if (settings.MovesDeviceMemory)
                    {
                        Add(new CopyRun(settings, size, depth, cancellation), path);
                        Add(new DeviceLoopRun(file, settings, size, depth, cancellation), path);
                    }

                    foreach (StorageBackend backend in settings.Backends)
                    {
                        EngineRun run = settings.MovesDeviceMemory ? new DeviceEngineRun(backend, file, settings, size, depth, cancellation) : new HostEngineRun(backend, file, settings, size, depth, cancellation);
                        if (run.Route(path) is { } route && !routes.Contains(route)) routes.Add(route);
                        Add(run, path);
                    }
                }
            }
        }

        return new BenchResult(cells, routes);

        // Written blocks of the plain loop would fill a disk that is too small before they failed.
        static void RequireRoom(string path, BenchSettings settings, long size, int depth)
        {
            long free = new DriveInfo(path).AvailableFreeSpace;
            long needed = 2 * settings.Blocks(size, depth) * size;
            if (needed > free) throw new StorageFullException($"There is no room for {Figures.Bytes(needed)} in {path}, {Figures.Bytes(free)} are free. Free some, or give a smaller --file-size.") { Path = path };
        }

        void Add(IBenchRun run, string path)
        {
            using (run)
            {
                foreach (BenchDirection direction in settings.Directions)
                {
                    cells.Add(run.Measure(path, direction, settings.Seconds));
                    progress?.Report(cells.Count / all);
                }
            }
        }
    }
}
