using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Policies;
using TeraIO.TestSupport.Tracing;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Benchmarks;

/// <summary>
/// Planning an iteration from lifetimes to the simulated plan: at most 10 s and 2 GB for 100k ops and 50k tensors on one core, and growth no worse than
/// n log n. <c>--planner</c> as the first argument prints seconds and peak working set per size without BenchmarkDotNet, of the policy that is named next.
/// </summary>
[WarmupCount(1)]
[IterationCount(3)]
[InvocationCount(1, 1)]
public class PlannerBenchmark
{
    private Trace _trace = null!;
    private MachineModel _machine = null!;

    [Params(25_000, 50_000, 100_000)]
    public int Ops { get; set; }

    [GlobalSetup]
    public void MakeTrace() => (_trace, _machine) = Case(Ops);

    [Benchmark]
    public PolicyResult Plan_an_iteration() => MigrationPlanner.Plan(_trace, _machine);

    /// <summary>The same as a table, each size once.</summary>
    public static void Print(string policyName)
    {
        IMigrationPolicy policy = Policies.Named(policyName);
        Console.WriteLine($"policy {policy.Name}");
        Console.WriteLine($"{"ops",8} {"tensors",8} {"periods",8} {"seconds",8} {"peak MB",8} {"step/ideal",10} {"migrations",10}");
        foreach (int ops in (ReadOnlySpan<int>)[25_000, 50_000, 100_000])
        {
            (Trace trace, MachineModel machine) = Case(ops);
            long start = Stopwatch.GetTimestamp();
            PolicyResult result = policy.Plan(trace, machine);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            using var process = Process.GetCurrentProcess();
            Console.WriteLine(
                $"{trace.Ops.Length,8} {trace.Tensors.Length,8} {TraceLifetimes.Of(trace).Periods.Length,8} {seconds,8:F2} {process.PeakWorkingSet64 / 1e6,8:F0} "
                + $"{result.Simulation.StepSeconds / result.Simulation.IdealSeconds,10:F4} {result.Plan.Migrations.Count,10}");
        }
    }

    /// <summary>A random training iteration at half its peak, with a disk that cannot hide all of it.</summary>
    private static (Trace Trace, MachineModel Machine) Case(int ops)
    {
        Trace trace = RandomTraces.Training(seed: 1, layers: ops / 20, opsPerLayer: 4, microBatches: 2);
        double bytes = 0;
        foreach (ref readonly TraceTensor tensor in trace.Tensors) bytes += tensor.Bytes;
        double bandwidth = bytes / trace.IdealSeconds / 4;
        return (trace, new MachineModel
        {
            MemoryBudget = TraceLifetimes.Of(trace).PeakBytes / 2,
            Storage = new TierModel { ReadBandwidth = bandwidth, WriteBandwidth = bandwidth, Interference = 0.5, LatencySeconds = 1e-4 },
        });
    }
}
