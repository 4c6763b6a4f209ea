using BenchmarkDotNet.Attributes;
using TeraIO.Torch;
using TeraIO.Torch.Runtime;
using static TorchSharp.torch;

namespace TeraIO.Benchmarks;

/// <summary>
/// What observing costs an op: the difference between the rows with and without a session. An op on a small tensor and a view
/// give the engine nothing to do; the tracked op is announced at its begin and end and pins its operand.
/// </summary>
public class ObserverBenchmark
{
    private const int OpsPerInvoke = 64;

    private OffloadSession? _session;
    private Tensor _small = null!;
    private Tensor _large = null!;

    [Params(false, true)]
    public bool Observed { get; set; }

    [GlobalSetup]
    public void Attach()
    {
        TorchRuntime.Initialize();
        set_num_threads(1);
        if (Observed) _session = OffloadSession.Begin(new OffloadOptions());
        _small = ones(16);
        _large = ones(128, 128); // 64 KiB: the smallest that is tracked
    }

    [GlobalCleanup]
    public void Detach()
    {
        _small.Dispose();
        _large.Dispose();
        _session?.Dispose();
    }

    [Benchmark(OperationsPerInvoke = OpsPerInvoke)]
    public void Op_on_a_small_tensor()
    {
        for (int i = 0; i < OpsPerInvoke; i++) _small.zero_();
    }

    [Benchmark(OperationsPerInvoke = OpsPerInvoke)]
    public void View_of_a_large_tensor()
    {
        for (int i = 0; i < OpsPerInvoke; i++) _large.t().Dispose();
    }

    [Benchmark(OperationsPerInvoke = OpsPerInvoke)]
    public void Op_on_a_tracked_tensor()
    {
        for (int i = 0; i < OpsPerInvoke; i++) _large.zero_();
    }
}
