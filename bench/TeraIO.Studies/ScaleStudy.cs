using System.Diagnostics;
using TeraIO.Bounds;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.Planner.Synthesis;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Studies;

/// <summary>
/// Policies on traces of large models: who wins, by how much, and how it scales with SSDs, host memory and batch. Beside TERAIO's published results where
/// there are any (NeurIPS 2025, section 4).
/// </summary>
internal static class ScaleStudy
{
    private const int PaperSsds = 4;

    private static readonly TimeSpan _boundTime = TimeSpan.FromSeconds(10);

    private static readonly Training[] _paperTrainings = [Training.Llama8B, Training.Granite8B, Training.Llama70B];

    private static readonly Dictionary<(Training Training, bool HasHost, string Policy), Outcome> _outcomes = [];

    private static bool _isQuick;

    public static void Print(bool isQuick)
    {
        _isQuick = isQuick;
        long begun = Stopwatch.GetTimestamp();
        PrintSetting();
        PrintPolicies();
        PrintPublished();
        PrintSsds();
        PrintHostMemory();
        PrintBatches();
        PrintBestMicroBatch();
        PrintSensitivity();
        Console.WriteLine();
        Markdown.Line($"The study took {Stopwatch.GetElapsedTime(begun).TotalSeconds:0} s.");
    }

    private static IReadOnlyList<Training> Trainings => _isQuick ? [Training.Llama8B, Training.GptXl] : Training.All;

    private static void PrintSetting()
    {
        Console.WriteLine("## Setting");
        Console.WriteLine();
        Markdown.Line($"Simulated: no GPU was used. Traces are synthetic (docs/synthesis.md). Each GPU has its own SSDs: {Server.SsdBandwidth / 1e9:0} GB/s per SSD and direction (what TERAIO attains of");
        Markdown.Line($"four 990 PRO), reads and writes together at most {2 - Server.UsualInterference:0.0} x that, latency 0.1 ms, 8 tensors in flight per direction. Host memory: what SSD traffic leaves of the GPU's PCIe link, at least a quarter of it.");
        Markdown.Line($"Budget: the GPU's memory less {Server.ReservedBytes / 1e9:0} GB. 100 % is the same iteration with unlimited memory. SSDs and host memory are per GPU.");
        Console.WriteLine();
        Markdown.Header(1, "training", "ops", "tensors", "peak, GB", "budget, GB", "peak / budget, %", "largest op, GB", "unlimited, s", "tokens/s", "idle periods of 10 MB to 1 GB that last 10 ms, %");
        foreach (Training training in Trainings)
        {
            Trace trace = training.Trace;
            TraceStatistics statistics = TraceStatistics.Of(trace);
            long budget = training.Server(PaperSsds).Machine.MemoryBudget;
            Markdown.Row(
                training.Parameters, $"{statistics.Ops}", $"{statistics.Tensors}", Markdown.Gigabytes(statistics.PeakBytes), Markdown.Gigabytes(budget),
                Markdown.Number(100.0 * statistics.PeakBytes / budget, "0"), Markdown.Gigabytes(statistics.LargestWorkingSetBytes),
                Markdown.Hundredths(trace.IdealSeconds), Markdown.Number(trace.Header.Tokens / trace.IdealSeconds, "0"),
                Markdown.Percent(LongShare(statistics)));
        }

        Console.WriteLine();
        Console.WriteLine("TERAIO's characterisation (section 2): more than 40 % of the tensors of 10 MB to 1 GB are inactive for more than 10 ms.");
        Console.WriteLine();
        Console.WriteLine("Policies:");
        Console.WriteLine();
        foreach (IMigrationPolicy policy in Outcome.AllPolicies) Console.WriteLine($"* `{policy.Name}`: {policy.Description}");
    }

    private static double LongShare(TraceStatistics statistics)
    {
        (int Periods, long Bytes)[,] table = statistics.InactivePeriodsBy([10_000_000, 1_000_000_000], [0.01]);
        return table[1, 1].Periods / (double)(table[1, 0].Periods + table[1, 1].Periods);
    }

    private static void PrintPolicies()
    {
        Console.WriteLine();
        Console.WriteLine("## Policies");
        foreach (Training training in Trainings)
        {
            Trace trace = training.Trace;
            foreach (bool hasHost in _isQuick ? [false] : new[] { false, true })
            {
                Console.WriteLine();
                Markdown.Line($"{training.Name}, {PaperSsds} SSDs, {(hasHost ? $"{training.HostBytes / 1e9:0} GB host memory" : "no host memory")}:");
                Console.WriteLine();
                Markdown.Header(1, "policy", "% of unlimited", "step, s", "stalls, s", "read, GB", "written, GB", "from host, GB", "to host, GB", "written per token, MB", "days to 1,200 TBW per SSD", "planned in, s");
                Server server = training.Server(PaperSsds, hasHost);
                foreach (IMigrationPolicy policy in Outcome.AllPolicies)
                {
                    var outcome = Outcome.Of(policy, trace, server);
                    _outcomes.Add((training, hasHost, policy.Name), outcome);
                    PrintOutcome(outcome);
                }

                PrintBound(LowerBound.Compute(trace, server.Machine, new LowerBoundOptions { TimeLimit = _boundTime }));
            }
        }
    }

    private static void PrintOutcome(Outcome outcome)
    {
        if (!outcome.Result.Feasible)
        {
            Markdown.Row([outcome.Policy, outcome.Percent, .. Enumerable.Repeat(string.Empty, 9)]);
            return;
        }

        Markdown.Row(
            outcome.Policy, outcome.Percent, Markdown.Hundredths(outcome.Result.StepSeconds), Markdown.Hundredths(outcome.Result.StallSeconds),
            Markdown.Gigabytes(outcome.Result.BytesRead), Markdown.Gigabytes(outcome.Result.BytesWritten),
            Markdown.Gigabytes(outcome.Result.HostBytesRead), Markdown.Gigabytes(outcome.Result.HostBytesWritten),
            Markdown.Hundredths(outcome.Result.BytesWritten / 1e6 / outcome.Tokens), DaysOfLife(outcome.Result),
            Markdown.Number(outcome.PlanSeconds, "0.0"));
    }

    /// <summary>A 990 PRO of 2 TB is rated for 1,200 TB written.</summary>
    private static string DaysOfLife(SimulationResult result) =>
        result.BytesWritten == 0 ? string.Empty : Markdown.Number(PaperSsds * 1200e12 / result.BytesWritten * result.StepSeconds / 86400, "0.0");

    /// <summary>What TERAIO's paper says in % of ideal, and the same policies here.</summary>
    private static void PrintPublished()
    {
        if (_isQuick) return;
        Console.WriteLine();
        Console.WriteLine("## Beside the published results");
        Console.WriteLine();
        Console.WriteLine("% of unlimited; TERAIO (NeurIPS 2025), section 4, on 2 x H100 NVL. `teraio` here is its published algorithm in this simulator, whose engine stalls, evicts and goes on where the plan");
        Console.WriteLine("does not fit; `zero-infinity` is module-wise prefetch of parameters, gradients and optimizer state, whose activations leave on demand.");
        Console.WriteLine();
        Markdown.Header(2, "training", "tiers", "ZeRO-Infinity, published", "zero-infinity", "TERAIO, published", "teraio", "planned", "planned / zero-infinity", "planned / teraio");
        PrintPublished(Training.Llama8B, hasHost: false, string.Empty, "near ideal");
        PrintPublished(Training.Llama8B, hasHost: true, "slightly below 65.9", "near ideal");
        PrintPublished(Training.Granite8B, hasHost: false, string.Empty, "about ZeRO's");
        PrintPublished(Training.Granite8B, hasHost: true, "slightly below 65.5", "near ideal");
        PrintPublished(Training.Llama70B, hasHost: false, string.Empty, string.Empty);
        PrintPublished(Training.Llama70B, hasHost: true, "43.0", "59.7");
        Outcome[] zero = [.. _paperTrainings.Select(static t => _outcomes[(t, true, "zero-infinity")])];
        Outcome[] teraio = [.. _paperTrainings.Select(static t => _outcomes[(t, true, "teraio")])];
        Outcome[] planned = [.. _paperTrainings.Select(static t => _outcomes[(t, true, "planned")])];
        Markdown.Row(
            "mean of the three", "SSD and host", string.Empty, Mean(zero), "80.7", Mean(teraio), Mean(planned), Markdown.Hundredths(MeanRatio(planned, zero)),
            Markdown.Hundredths(MeanRatio(planned, teraio)));
        Markdown.Row("teraio / zero-infinity", "SSD and host", string.Empty, string.Empty, "1.47", Markdown.Hundredths(MeanRatio(teraio, zero)), string.Empty, string.Empty, string.Empty);
    }

    private static void PrintPublished(Training training, bool hasHost, string zeroPublished, string teraioPublished)
    {
        Outcome zero = _outcomes[(training, hasHost, "zero-infinity")];
        Outcome teraio = _outcomes[(training, hasHost, "teraio")];
        Outcome planned = _outcomes[(training, hasHost, "planned")];
        Markdown.Row(
            training.Name, hasHost ? "SSD and host" : "SSD", zeroPublished, zero.Percent, teraioPublished, teraio.Percent, planned.Percent,
            Markdown.Hundredths(planned.ShareOfIdeal / zero.ShareOfIdeal), Markdown.Hundredths(planned.ShareOfIdeal / teraio.ShareOfIdeal));
    }

    private static string Mean(Outcome[] outcomes) => Markdown.Percent(outcomes.Average(static o => o.ShareOfIdeal));

    private static double MeanRatio(Outcome[] first, Outcome[] second) => first.Zip(second, static (a, b) => a.ShareOfIdeal / b.ShareOfIdeal).Average();

    private static void PrintBound(LowerBoundResult bound)
    {
        if (!bound.Feasible) return;
        Markdown.Row(
            "*bound: this order, nothing twice*", Markdown.Percent(bound.IdealSeconds / bound.StepSeconds), Markdown.Hundredths(bound.StepSeconds),
            Markdown.Hundredths(bound.StepSeconds - bound.IdealSeconds), Markdown.Gigabytes(bound.BytesRead), Markdown.Gigabytes(bound.BytesWritten),
            string.Empty, string.Empty, string.Empty, string.Empty, Markdown.Number(bound.SolveSeconds, "0.0"));
    }

    private static void PrintSsds()
    {
        Console.WriteLine();
        Console.WriteLine("## SSDs per GPU");
        Console.WriteLine();
        Console.WriteLine("% of unlimited, no host memory. The paper's figure 3 needs 32 to 48 GB/s for its plan to come close to ideal.");
        Console.WriteLine();
        int[] counts = _isQuick ? [1, 4] : [1, 2, 3, 4, 6, 8];
        Markdown.Header(2, ["training", "policy", .. counts.Select(static n => $"{n}")]);
        foreach (Training training in _isQuick ? Trainings : [Training.Llama8B, Training.Granite8B, Training.Llama70B, Training.GptXl])
        {
            Trace trace = training.Trace;
            foreach (IMigrationPolicy policy in Outcome.MainPolicies)
                Markdown.Row([training.Name, policy.Name, .. counts.Select(n => Outcome.Of(policy, trace, training.Server(n)).Percent)]);
        }
    }

    private static void PrintHostMemory()
    {
        if (_isQuick) return;
        Console.WriteLine();
        Console.WriteLine("## Host memory");
        Console.WriteLine();
        Console.WriteLine("Policy `planned`, % of unlimited; host memory per GPU, half of the server's. More SSDs leave less of the PCIe link to host memory.");
        var share = new Dictionary<(string Model, int Ssds, int Gigabytes), double>();
        IMigrationPolicy planned = Policies.Named("planned");
        foreach ((Training training, int[] gigabytes) in new[] { (Training.Llama8B, new[] { 0, 16, 32, 64 }), (Training.Granite8B, [0, 64, 128, 256]), (Training.Llama70B, [0, 64, 128, 256, 512]) })
        {
            Console.WriteLine();
            Markdown.Header(1, [$"{training.Name}, SSDs", .. gigabytes.Select(static g => $"{g} GB host")]);
            Trace trace = training.Trace;
            foreach (int ssds in new[] { 2, 3, 4 })
            {
                Outcome[] outcomes = [.. gigabytes.Select(g => Outcome.Of(planned, trace, training.Server(ssds) with { HostBytes = g * 1_000_000_000L }))];
                for (int i = 0; i < gigabytes.Length; i++) share[(training.Name, ssds, gigabytes[i])] = outcomes[i].ShareOfIdeal;
                Markdown.Row([$"{ssds}", .. outcomes.Select(static o => o.Percent)]);
            }
        }

        Console.WriteLine();
        Markdown.Line($"8B with 2 SSDs and 64 GB per server: {Markdown.Percent(share[("llama3-8b", 2, 32)])} % of unlimited (published: near ideal).");
        Markdown.Line($"70B with 2 SSDs and 512 GB per server: {Markdown.Percent(share[("llama3-70b", 2, 256)] / share[("llama3-70b", 4, 512)])} % of the speed with 4 SSDs and 1 TB (published: 73.1).");
    }

    private static void PrintBatches()
    {
        if (_isQuick) return;
        Console.WriteLine();
        Console.WriteLine("## Batch");
        Console.WriteLine();
        Markdown.Line($"% of unlimited with {PaperSsds} SSDs and host memory as above; more micro batches per iteration share one update.");
        foreach ((Training training, int[] microBatches) in new[] { (Training.Llama8B, new[] { 1, 2, 4, 8 }), (Training.Granite8B, [1, 2, 4]), (Training.Llama70B, [1, 2, 4, 8]) })
        {
            Console.WriteLine();
            Markdown.Header(1, [$"{training.Name}, sequences per iteration", .. microBatches.Select(m => $"{m * training.Options.Batch}")]);
            Trace[] traces = [.. microBatches.Select(m => (training with { Options = training.Options with { MicroBatches = m } }).Trace)];
            foreach (IMigrationPolicy policy in Outcome.MainPolicies)
                Markdown.Row([policy.Name, .. traces.Select(t => Outcome.Of(policy, t, training.Server(PaperSsds, hasHost: true)).Percent)]);
        }
    }

    /// <summary>A system that cannot move activations runs smaller micro batches; each policy gets the size that suits it best.</summary>
    private static void PrintBestMicroBatch()
    {
        Console.WriteLine();
        Console.WriteLine("## Every policy at its best micro batch");
        Console.WriteLine();
        Markdown.Line($"Same tokens per iteration, micro batch (sequences) of the policy's choice; % of the best unlimited tokens/s; {PaperSsds} SSDs and host memory as above.");
        Console.WriteLine("The roofline charges smaller products nothing but their overhead, so that small micro batches look better than they are (the paper gains 9 % from larger ones).");
        Console.WriteLine();
        Markdown.Header(2, "training", "policy", "% of unlimited", "best micro batch", "over zero-infinity");
        foreach (Training training in _isQuick ? [Training.Llama8B] : new[] { Training.Llama8B, Training.Granite8B, Training.Llama70B })
        {
            (int Batch, Trace Trace)[] traces = [.. MicroBatchesOf(training)];
            double ideal = traces.Max(static t => t.Trace.Header.Tokens / t.Trace.IdealSeconds);
            var best = new List<(string Policy, int Batch, double TokensPerSecond)>();
            foreach (IMigrationPolicy policy in Outcome.MainPolicies)
            {
                (int batch, double tokensPerSecond) = traces
                    .Select(t => (t.Batch, Outcome.Of(policy, t.Trace, training.Server(PaperSsds, hasHost: true)).TokensPerSecond))
                    .MaxBy(static t => t.TokensPerSecond);
                best.Add((policy.Name, batch, tokensPerSecond));
            }

            double zero = best.Find(static b => b.Policy == "zero-infinity").TokensPerSecond;
            foreach ((string policy, int batch, double tokensPerSecond) in best)
            {
                Markdown.Row(
                    training.Name, policy, Markdown.Percent(tokensPerSecond / ideal), $"{batch}",
                    zero > 0 ? Markdown.Hundredths(tokensPerSecond / zero) : string.Empty);
            }
        }
    }

    private static IEnumerable<(int Batch, Trace Trace)> MicroBatchesOf(Training training)
    {
        for (int parts = 1; parts <= 8; parts *= 2)
        {
            if (training.Options.Batch % parts == 0 && training.WithBatch(training.Options.Batch / parts) is { } smaller) yield return (smaller.Options.Batch, smaller.Trace);
        }
    }

    private static void PrintSensitivity()
    {
        if (_isQuick) return;
        Console.WriteLine();
        Console.WriteLine("## What the assumptions do");
        Console.WriteLine();
        Markdown.Line($"% of unlimited, {PaperSsds} SSDs, no host memory. Faster products leave less time to move bytes in.");
        Console.WriteLine();
        Markdown.Header(2, "training", "policy", "FP32", "TF32", "BF16", "FP32, reads and writes apart (interference 0)", "FP32, one channel (interference 1)", "FP32, checkpointing");
        foreach (Training training in new[] { Training.Llama8B, Training.Granite8B })
        {
            Trace plain = training.Trace;
            Trace tf32 = (training with { Options = training.Options with { Precision = TrainingPrecision.Tf32 } }).Trace;
            Trace bf16 = (training with { Options = training.Options with { Precision = TrainingPrecision.Bf16Mixed } }).Trace;
            Trace checkpointed = (training with { Options = training.Options with { ActivationCheckpointing = true } }).Trace;
            Server server = training.Server(PaperSsds);
            foreach (IMigrationPolicy policy in Outcome.MainPolicies)
            {
                Markdown.Row(
                    training.Name, policy.Name, Outcome.Of(policy, plain, server).Percent, Outcome.Of(policy, tf32, server).Percent, Outcome.Of(policy, bf16, server).Percent,
                    Outcome.Of(policy, plain, server with { Interference = 0 }).Percent, Outcome.Of(policy, plain, server with { Interference = 1 }).Percent,
                    Outcome.Of(policy, checkpointed, server).Percent);
            }
        }
    }
}
