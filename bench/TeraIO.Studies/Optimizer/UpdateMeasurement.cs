using System.Diagnostics;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Offload;

namespace TeraIO.Studies.Optimizer;

/// <summary>Steps of one row: times, bytes beside their closed form, and the state at the end beside AdamW in memory.</summary>
internal sealed record UpdateMeasurement
{
    /// <summary>Seconds of the update, the median of the steps after the first, in which the cache is cold.</summary>
    public required double Update { get; init; }

    /// <summary>Seconds before it in which the gradients were written to storage, or cast in memory.</summary>
    public required double Gradients { get; init; }

    /// <summary>Of a step after the first.</summary>
    public required StepTraffic Traffic { get; init; }

    /// <summary>Bytes that the store counted beyond the closed form, of all steps together, either way.</summary>
    public required long BytesOff { get; init; }

    /// <summary>Share of the subgroups that stay in memory between steps.</summary>
    public required double Cached { get; init; }

    /// <summary>Seconds of the update in which the CPU updated.</summary>
    public required double Cpu { get; init; }

    public required FinalState End { get; init; }

    public double Total => Update + Gradients;

    /// <summary>Bytes of the update, both ways, per second of it.</summary>
    public double Bandwidth => (Traffic.Read + Traffic.StateWritten) / Update;

    /// <exception cref="ConfigurationException">Fewer than 2: the first is not measured.</exception>
    public static void RequireSteps(int steps)
    {
        if (steps < 2) throw new ConfigurationException($"{steps} steps: use 2 or more, the first is not measured.");
    }

    /// <param name="row">What is on.</param>
    /// <param name="model">Reset to its initial values first.</param>
    /// <param name="paths">As many directories as any row uses.</param>
    /// <param name="rates">Bytes per second of each path and direction; empty for as fast as they are.</param>
    /// <param name="budget">Host memory: buffers and narrow gradients.</param>
    /// <param name="steps">2 or more.</param>
    public static async Task<UpdateMeasurement> RunAsync(
        Mechanisms row, SyntheticModel model, IReadOnlyList<string> paths, IReadOnlyList<double> rates, ByteSize budget, int steps)
    {
        model.Reset();
        using TensorStore store = TensorStore.Open(Storage(row, paths, rates));
        using OffloadedRun run = await OffloadedRun.CreateAsync(row, model, store, budget).ConfigureAwait(false);
        var updates = new List<double>();
        var gradients = new List<double>();
        var cpu = new List<double>();
        long off = 0;
        for (int step = 1; step <= steps; step++)
        {
            run.FillGradients(step);
            StoreStatistics before = store.Statistics;
            long begun = Stopwatch.GetTimestamp();
            IGradientSource source = await run.PassOnAsync().ConfigureAwait(false);
            double passed = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            UpdateReport report = await run.StepAsync(source, step).ConfigureAwait(false);
            StoreStatistics after = store.Statistics;
            StepTraffic expected = TrafficModel.OfStep(run.Layout, run.Options, step);
            off += Math.Abs(after.BytesRead.Bytes - before.BytesRead.Bytes - expected.Read);
            off += Math.Abs(after.BytesWritten.Bytes - before.BytesWritten.Bytes - expected.Written);
            if (report.Traffic != expected) off = Math.Max(off, 1);
            if (step == 1) continue;
            gradients.Add(passed);
            updates.Add(report.Duration.TotalSeconds);
            cpu.Add(report.CpuUpdate.TotalSeconds);
        }

        return new UpdateMeasurement
        {
            Update = new Spread(updates).Median,
            Gradients = new Spread(gradients).Median,
            Traffic = TrafficModel.OfStep(run.Layout, run.Options, steps),
            BytesOff = off,
            Cached = run.Cached,
            Cpu = new Spread(cpu).Median,
            End = await run.CompareAsync().ConfigureAwait(false),
        };
    }

    /// <summary>The row's paths.</summary>
    private static StoreOptions Storage(Mechanisms row, IReadOnlyList<string> paths, IReadOnlyList<double> rates) => new()
    {
        Paths = [.. paths.Take(row.Paths)],
        PathOptions = rates.Take(row.Paths).Zip(paths, static (rate, path) => (path, rate))
            .ToDictionary(static p => p.path, static p => new PathOptions { Emulated = new EmulatedDevice(p.rate, p.rate) }),
        Leases = row.HasLeases ? new LeaseOptions() : null,
    };
}
