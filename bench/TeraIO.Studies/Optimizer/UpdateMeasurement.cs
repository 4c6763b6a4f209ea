using System.Diagnostics;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>Steps of one row: times, bytes beside their closed form, and the state at the end beside AdamW in memory.</summary>
internal sealed record UpdateMeasurement
{
    /// <summary>Subgroups of the layout: enough that filling and draining the pipeline is small.</summary>
    public const int Subgroups = 100;

    public static AdamWOptions AdamW { get; } = new(LearningRate: 1e-3, WeightDecay: 0.01);

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
        ParameterLayout layout = model.Layout(Subgroups);
        OptimizerOffloadOptions options = Options(row, layout, budget);
        using TensorStore store = TensorStore.Open(Store(row, paths, rates));
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, options, model.Parameters).ConfigureAwait(false);
        using NarrowGradients? narrow = row.HasNarrowGradients ? new NarrowGradients(layout, ElementFormat.Bf16) : null;
        if (state.HostBytes.Bytes + (narrow is null ? 0 : NarrowGradients.HostBytes(layout).Bytes) > budget.Bytes)
            throw new InvalidOperationException($"{row.Name} takes more than its budget.");
        var updates = new List<double>();
        var gradients = new List<double>();
        var cpu = new List<double>();
        long off = 0;
        for (int step = 1; step <= steps; step++)
        {
            model.FillGradients(step);
            StoreStatistics before = store.Statistics;
            long begun = Stopwatch.GetTimestamp();
            IGradientSource source = await PassOnAsync(model, state, narrow).ConfigureAwait(false);
            double passed = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            UpdateReport report = await state.StepAsync(model.Parameters, source, model.Scalars(AdamW, step)).ConfigureAwait(false);
            narrow?.Clear();
            StoreStatistics after = store.Statistics;
            StepTraffic expected = TrafficModel.OfStep(layout, options, step);
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
            Update = Median(updates),
            Gradients = Median(gradients),
            Traffic = TrafficModel.OfStep(layout, options, steps),
            BytesOff = off,
            Cached = state.CachedSubgroups / (double)layout.Subgroups.Count,
            Cpu = Median(cpu),
            End = await FinalState.CompareAsync(state, model, AdamW, row.HasNarrowGradients).ConfigureAwait(false),
        };
    }

    /// <summary>The row's mechanisms, in a budget that its narrow gradients take a part of.</summary>
    public static OptimizerOffloadOptions Options(Mechanisms row, ParameterLayout layout, ByteSize budget) => new()
    {
        HostBudget = new ByteSize(budget.Bytes - (row.HasNarrowGradients ? NarrowGradients.HostBytes(layout).Bytes : 0)),
        Order = row.Order,
        StoresGradients = !row.HasNarrowGradients,
    };

    /// <summary>The row's paths.</summary>
    public static StoreOptions Store(Mechanisms row, IReadOnlyList<string> paths, IReadOnlyList<double> rates) => new()
    {
        Paths = [.. paths.Take(row.Paths)],
        PathOptions = rates.Take(row.Paths).Zip(paths, static (rate, path) => (path, rate))
            .ToDictionary(static p => p.path, static p => new PathOptions { Emulated = new EmulatedDevice(p.rate, p.rate) }),
        Leases = row.HasLeases ? new LeaseOptions() : null,
    };

    /// <summary>What happens to gradients before the update: written to storage as FP32, or copied as BF16.</summary>
    public static async Task<IGradientSource> PassOnAsync(SyntheticModel model, OffloadedState state, NarrowGradients? narrow)
    {
        if (narrow is null)
        {
            await state.StoreGradientsAsync(model.InPlace).ConfigureAwait(false);
            return model.InPlace;
        }

        await Task.WhenAll(model.Gradients.Select((gradient, tensor) => narrow.CopyOut(tensor, gradient))).ConfigureAwait(false);
        return narrow;
    }

    public static double Median(IEnumerable<double> all)
    {
        double[] values = [.. all.Order()];
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}
