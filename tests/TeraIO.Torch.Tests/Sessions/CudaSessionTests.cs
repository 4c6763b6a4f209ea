using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TorchSharp;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>
/// Sessions on CUDA tensors. Skipped where libtorch has no CUDA; <see cref="StandinCudaSessionTests"/> runs them over test doubles in a process of its own, and with a libtorch for CUDA in
/// <c>TERAIO_LIBTORCH</c> they run on the GPU.
/// </summary>
[TestFixture]
[NonParallelizable]
[Category(Category)]
internal sealed unsafe class CudaSessionTests : SessionFixture
{
    public const string Category = "CUDA sessions";

    private static readonly TrainingScript _script = new() { Device = TensorDevice.Cuda(), Dropout = 0.1, Steps = 6 };

    [OneTimeSetUp]
    public void RequireCuda()
    {
        if (!torch.cuda.is_available()) Assert.Ignore("libtorch has no CUDA here.");
    }

    [Test]
    public void Training_under_a_budget_changes_no_bit(
        [Values] OffloadMode mode, [Values(StorageBackend.Staged, StorageBackend.CuFile)] StorageBackend backend, [Values(0.5, 0.8)] double part)
    {
        List<float> undisturbed = _script.Run();
        var budget = new ByteSize((long)(UnlimitedPeak().Bytes * part));
        ResetStandinPeak();
        ulong before = StandinBytes.Live;

        using OffloadSession session = Begin(budget, mode, backend);
        List<float> offloaded = _script.Run(session);

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.Offloads, Is.Positive, "nothing moved: the test would prove nothing");
        Assert.That(session.Statistics.PlannedSteps, mode == OffloadMode.Planned ? Is.Positive : Is.Zero);
        Assert.That((session.ReadVerification, session.UnverifiedBecause), Is.EqualTo((ReadVerification.Gpu, (string?)null)));
        // Parameters are read twice a step and written once. With more memory they need not leave in between.
        if (part < 0.6) Assert.That(session.Statistics.BytesDroppedClean, Is.GreaterThan(ByteSize.Zero));
        // It rounds every block up to 512 bytes.
        Assert.That(StandinBytes.Peak, Is.LessThanOrEqualTo(before + (ulong)budget.Bytes + (64 << 10)), "by the allocator's own count");
    }

    [Test]
    public void A_tensor_that_is_away_comes_back_in_a_pin()
    {
        const int Elements = 256 * 1024;
        using OffloadSession session = Begin(ByteSize.FromMiB(2), OffloadMode.OnDemand, StorageBackend.Auto);
        using torch.Tensor first = torch.full([Elements], 3f, device: torch.device("cuda:0"));
        using torch.Tensor second = torch.full([Elements], 5f, device: torch.device("cuda:0"));
        using torch.Tensor third = torch.full([Elements], 7f, device: torch.device("cuda:0"));
        Assert.That(session.Statistics.Offloads, Is.Positive);

        using (session.Pin(first))
        {
            using torch.Tensor host = first.cpu();
            Assert.That(host.data<float>().ToArray(), Is.All.EqualTo(3f));
        }

        Assert.That(session.Failure, Is.Null);
    }

    /// <summary>The schema of a batch norm does not say that it changes its running statistics.</summary>
    [Test]
    public void What_an_operator_changes_beyond_its_schema_is_not_lost()
    {
        float[] undisturbed = RunningStatistics();

        using OffloadSession session = Begin(ByteSize.FromMiB(5), OffloadMode.OnDemand, StorageBackend.Auto);
        float[] offloaded = RunningStatistics();

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.Offloads, Is.GreaterThan(20), "the statistics have to leave between the steps");
        Assert.That(session.Failure, Is.Null);
    }

    [Test]
    public void Tensors_of_the_cpu_are_neither_counted_nor_moved()
    {
        using OffloadSession session = Begin(ByteSize.FromMiB(2), OffloadMode.OnDemand, StorageBackend.Auto);

        using torch.Tensor large = torch.ones(4 << 20);
        using IDisposable pin = session.Pin(large);

        Assert.That(session.Statistics.LiveBytes, Is.EqualTo(ByteSize.Zero));
        Assert.That(large.sum().item<float>(), Is.EqualTo(4 << 20));
    }

    /// <summary>After a few steps of a batch norm, between which other tensors need its memory.</summary>
    private static float[] RunningStatistics()
    {
        const int Features = 64 * 1024;
        torch.Device device = torch.device("cuda:0");
        torch.random.manual_seed(3);
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        using torch.nn.Module<torch.Tensor, torch.Tensor> norm = torch.nn.BatchNorm1d(Features, device: device);
        torch.Tensor[] others = [.. Enumerable.Range(0, 4).Select(i => torch.full([4 * Features], (float)i, device: device))];
        for (int step = 0; step < 6; step++)
        {
            using (torch.NewDisposeScope()) norm.forward(torch.randn(4, Features).to(device));
            foreach (torch.Tensor other in others) other.add_(1);
        }

        return [.. norm.get_buffer("running_mean")!.cpu().data<float>(), .. norm.get_buffer("running_var")!.cpu().data<float>()];
    }

    private OffloadSession Begin(ByteSize budget, OffloadMode mode, StorageBackend backend) =>
        OffloadSession.Begin(new OffloadOptions { Device = TensorDevice.Cuda(), MemoryBudget = budget, StoragePaths = [StorePath], Mode = mode, Backend = backend });

    private static ByteSize UnlimitedPeak()
    {
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions { Device = TensorDevice.Cuda() });
        _script.Run(session);
        return session.Statistics.PeakLiveBytes;
    }

    /// <summary>The test double's own counts; both 0 with a real libtorch_cuda.</summary>
    private static (ulong Live, ulong Peak) StandinBytes
    {
        get
        {
            ulong* counts = stackalloc ulong[16];
            if (Standin("tio_standin_torch_get_counts") is not (not 0 and var function)) return default;
            ((delegate* unmanaged<ulong*, void>)function)(counts);
            return (counts[0], counts[1]);
        }
    }

    private static void ResetStandinPeak()
    {
        if (Standin("tio_standin_torch_reset_peak") is not 0 and var function) ((delegate* unmanaged<void>)function)();
    }

    private static nint Standin(string name)
    {
        string library = Path.Combine(Environment.GetEnvironmentVariable("TERAIO_LIBTORCH") ?? "", "libtorch_cuda.so");
        return NativeLibrary.TryLoad(library, out nint loaded) && NativeLibrary.TryGetExport(loaded, name, out nint function) ? function : 0;
    }
}
