using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

if (args is ["--planner", .. var policy])
{
    TeraIO.Benchmarks.PlannerBenchmark.Print(policy.FirstOrDefault("planned"));
    return;
}

// In this process: a generated project would not inherit where the native libraries and the relaxed LibTorchSharp are.
IConfig config = DefaultConfig.Instance
    .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).AsDefault())
    .WithArtifactsPath(Path.Combine("artifacts", "benchmarks"));
BenchmarkSwitcher.FromAssembly(typeof(TeraIO.Benchmarks.ChecksumBenchmark).Assembly).Run(args, config);
