using System.Diagnostics;
using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>
/// A process of <see cref="OptimizerRankStudy"/>: its part of the parameters, all mechanisms on. Waits for a line before each step and answers with the seconds it took,
/// its bytes and the longest wait for a lease so far; at the end says how many elements differ from AdamW in memory.
/// </summary>
internal static class OptimizerRankWorker
{
    public static async Task RunAsync(string directory, int millions, int steps, LeaseOptions? leases)
    {
        Mechanisms row = Mechanisms.All.Single(static r => r.Key == "narrow");
        using var model = new SyntheticModel(millions * 1_000_000L);
        ParameterLayout layout = model.Layout(UpdateMeasurement.Subgroups);
        var budget = new ByteSize(OptimizerStudy.BudgetBytesPerParameter * layout.Elements);
        using TensorStore store = TensorStore.Open(UpdateMeasurement.Store(row, StudyPaths.In(directory), []) with { Leases = leases });
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, UpdateMeasurement.Options(row, layout, budget), model.Parameters).ConfigureAwait(false);
        using var narrow = new NarrowGradients(layout, ElementFormat.Bf16);
        for (int step = 1; step <= steps; step++)
        {
            model.FillGradients(step);
            IGradientSource source = await UpdateMeasurement.PassOnAsync(model, state, narrow).ConfigureAwait(false);
            RankProcess.Say("ready");
            await Console.In.ReadLineAsync().ConfigureAwait(false);
            long begun = Stopwatch.GetTimestamp();
            UpdateReport report = await state.StepAsync(model.Parameters, source, model.Scalars(UpdateMeasurement.AdamW, step)).ConfigureAwait(false);
            double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            narrow.Clear();
            double longest = store.LeaseStatistics.Select(static l => l.LongestWait.TotalSeconds).DefaultIfEmpty(0).Max();
            RankProcess.Say(string.Create(CultureInfo.InvariantCulture, $"{seconds} {report.Traffic.Read + report.Traffic.Written} {longest}"));
        }

        FinalState end = await FinalState.CompareAsync(state, model, UpdateMeasurement.AdamW, isNarrow: true).ConfigureAwait(false);
        RankProcess.Say($"{end.Different}");
    }
}
