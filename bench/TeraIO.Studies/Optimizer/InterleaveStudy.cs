using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Interleave;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;

namespace TeraIO.Studies.Optimizer;

/// <summary>
/// A share f of the update on a device (Deep Optimizer States) without one: the CPU's rate is measured, the device is simulated (decision 0025), and the model's prediction stands beside the emulated
/// time over f. State stays in memory, so that nothing but the update is timed.
/// </summary>
internal static class InterleaveStudy
{
    private const int Subgroups = 32;
    private const int StateBytes = 12; // per parameter
    private const double DeviceUpdate = 0.7; // of the CPU's rate alone
    private const double CalibrationShare = 0.25;
    private static readonly double[] _shares = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1];

    private sealed record Measured(double Seconds, double Cpu, int OnDevice, int Late, FinalState End);

    public static void Print(string directory, int millions, int steps)
    {
        UpdateMeasurement.RequireSteps(steps);
        using var paths = new StudyPaths(directory);
        using var model = new SyntheticModel(millions * 1_000_000L);
        long elements = model.Sizes.Sum();
        double alone = elements / RunAsync(paths, model, null, 0, steps).GetAwaiter().GetResult().Cpu;
        Markdown.Line($"{millions} million parameters in {Subgroups} subgroups, state in memory, one thread for the CPU's share; alone it updates {alone / 1e6:0} million parameters per second. No GPU was used: the device");
        Console.WriteLine("is simulated, its arithmetic done by the other core and its rates set as a part of the CPU's.");
        PrintDevice(paths, model, steps, alone, "a link as fast as the device", DeviceUpdate);
        PrintDevice(paths, model, steps, alone, "a link of half its rate", DeviceUpdate / 2);
        PrintMachines(elements);
    }

    private static void PrintDevice(StudyPaths paths, SyntheticModel model, int steps, double alone, string name, double link)
    {
        double linkRate = StateBytes * link * alone;
        var rates = new UpdateRates(alone, DeviceUpdate * alone, linkRate, linkRate);
        ParameterLayout layout = model.Layout(Subgroups);
        // Both cores share the memory: the CPU's rate that counts is the one beside a busy device.
        Measured calibration = RunAsync(paths, model, rates, CalibrationShare, steps).GetAwaiter().GetResult();
        rates = rates with { CpuUpdate = (1 - CalibrationShare) * layout.Elements / calibration.Cpu };
        var prediction = new InterleaveModel(rates, layout.Elements, layout.SubgroupElements, modelBytes: 0);
        double best = prediction.BestShare();
        Console.WriteLine();
        Markdown.Line($"*Simulated device, {name}:* {rates.DeviceUpdate / 1e6:0} million parameters per second, {rates.HostToDevice / 1e9:0.0} GB/s each way; the CPU beside it {rates.CpuUpdate / 1e6:0} million per second.");
        Markdown.Line($"The model chooses f = {best:0.000} and predicts {prediction.Seconds(best):0.000} s, {prediction.Seconds(0) / prediction.Seconds(best):0.00} times as fast as f = 0.");
        Console.WriteLine();
        Markdown.Header(1, "f", "subgroups on the device", "predicted, s", "emulated, s", "emulated : predicted", "late subgroups", "final state");
        foreach (double share in _shares.Union([best]).Order())
        {
            Measured found = RunAsync(paths, model, rates, share, steps).GetAwaiter().GetResult();
            double predicted = prediction.Seconds(share);
            Markdown.Row(
                share == best ? $"{Markdown.Number(share, "0.000")} (chosen)" : Markdown.Number(share, "0.000"), $"{found.OnDevice}", Markdown.Number(predicted, "0.000"),
                Markdown.Number(found.Seconds, "0.000"), Markdown.Hundredths(found.Seconds / predicted), $"{found.Late}", found.End.Describe());
        }
    }

    /// <summary>What the model says of devices that exist, with the CPU of this machine; nothing of it was run.</summary>
    private static void PrintMachines(long elements)
    {
        Console.WriteLine();
        Console.WriteLine("Predicted only, from data sheets (25 and 50 GB/s of a PCIe 4.0 and 5.0 x16 link, a device that is never the limit) and assumed CPU rates; BF16 model on the device:");
        Console.WriteLine();
        Markdown.Header(1, "CPU, million parameters per second", "link, GB/s", "f chosen (predicted)", "faster than f = 0 (predicted)");
        foreach (double cpu in (double[])[500e6, 1e9, 2e9])
        {
            foreach (double link in (double[])[25e9, 50e9])
            {
                var prediction = new InterleaveModel(new UpdateRates(cpu, 50e9, link, link), elements, elements / 1000, modelBytes: 2);
                double best = prediction.BestShare();
                Markdown.Row(Markdown.Number(cpu / 1e6, "0"), Markdown.Number(link / 1e9, "0"), Markdown.Hundredths(best), Markdown.Hundredths(prediction.Seconds(0) / prediction.Seconds(best)));
            }
        }
    }

    private static async Task<Measured> RunAsync(StudyPaths paths, SyntheticModel model, UpdateRates? rates, double share, int steps)
    {
        model.Reset();
        ParameterLayout layout = model.Layout(Subgroups);
        using SimulatedDevice? device = rates is null ? null : new SimulatedDevice(rates);
        using TensorStore store = TensorStore.Open(new StoreOptions { Paths = [paths.Paths[0]] });
        var options = new OptimizerOffloadOptions
        {
            HostBudget = new ByteSize((Subgroups + 4) * StateBytes * layout.SubgroupElements),
            Threads = 1,
            Device = device,
            DeviceShare = share,
        };
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, options, model.Parameters).ConfigureAwait(false);
        var seconds = new List<double>();
        var cpu = new List<double>();
        int onDevice = 0;
        for (int step = 1; step <= steps; step++)
        {
            model.FillGradients(step);
            UpdateReport report = await state.StepAsync(model.Parameters, model.InPlace, model.Scalars(OffloadedRun.AdamW, step)).ConfigureAwait(false);
            if (step == 1) continue;
            if (report.CacheHits != layout.Subgroups.Count) throw new InvalidOperationException("State was not all in memory.");
            seconds.Add(report.Duration.TotalSeconds);
            cpu.Add(report.CpuUpdate.TotalSeconds);
            onDevice = report.OnDevice;
        }

        FinalState end = await FinalState.CompareAsync(state, model, OffloadedRun.AdamW, isNarrow: false).ConfigureAwait(false);
        return new Measured(new Spread(seconds).Median, new Spread(cpu).Median, onDevice, device?.Late ?? 0, end);
    }
}
