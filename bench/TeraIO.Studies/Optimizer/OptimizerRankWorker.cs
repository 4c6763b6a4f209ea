using System.Diagnostics;
using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Offload;

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
        long parameters = millions * 1_000_000L;
        using var model = new SyntheticModel(parameters);
        var budget = new ByteSize(OptimizerStudy.BudgetBytesPerParameter * parameters);
        using TensorStore store = TensorStore.Open(new StoreOptions { Paths = StudyPaths.In(directory), Leases = leases });
        using OffloadedRun run = await OffloadedRun.CreateAsync(row, model, store, budget).ConfigureAwait(false);
        for (int step = 1; step <= steps; step++)
        {
            run.FillGradients(step);
            IGradientSource source = await run.PassOnAsync().ConfigureAwait(false);
            RankProcess.Say("ready");
            await Console.In.ReadLineAsync().ConfigureAwait(false);
            long begun = Stopwatch.GetTimestamp();
            UpdateReport report = await run.StepAsync(source, step).ConfigureAwait(false);
            double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            double longest = store.LeaseStatistics.Select(static l => l.LongestWait.TotalSeconds).DefaultIfEmpty(0).Max();
            RankProcess.Say(string.Create(CultureInfo.InvariantCulture, $"{seconds} {report.Traffic.Read + report.Traffic.Written} {longest}"));
        }

        FinalState end = await run.CompareAsync().ConfigureAwait(false);
        RankProcess.Say($"{end.Different}");
    }
}
